import { share } from '../../cli/words.js';
import type { FiguresView } from '../api/views.js';
import { count, duration } from '../model/words.js';
import { Empty, Scroll } from './states.js';

type Version = FiguresView['definitions'][number];
type Step = Version['steps'][number];

/** How often each step of a version failed, and how long it took. */
export function StepFiguresTable({ version }: { readonly version: Version | undefined }) {
  if (!version || version.sagas === 0) return <Empty icon="dot" title="No saga of this version has finished yet" />;
  return (
    <Scroll label="How steps went">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col" class="number">
              Failed
            </th>
            <th scope="col" class="number">
              Errors
            </th>
            <th scope="col" class="number">
              p50
            </th>
            <th scope="col" class="number">
              p95
            </th>
            <th scope="col" class="number">
              Carried out
            </th>
            <th scope="col" class="number wide-only">
              Errors undoing it
            </th>
          </tr>
        </thead>
        <tbody>
          {version.steps.map((step) => (
            <tr key={step.name}>
              <td class="mono">{step.name}</td>
              <td class="number">
                <Share of={step.failureRate} because={whyFailed(step)} />
              </td>
              <td class="number">
                <Tries of={step.action} />
              </td>
              <td class="number">{time(step.p50Ms)}</td>
              <td class="number">{time(step.p95Ms)}</td>
              <td class="number">{count(step.settled)}</td>
              <td class="number wide-only">
                <Tries of={step.compensation} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** The step of a version at which the most sagas fail; `undefined` where none does. */
export function worstOf({ steps }: Version): Step | undefined {
  const [worst] = steps.toSorted((one, other) => (other.failureRate ?? 0) - (one.failureRate ?? 0));
  return worst?.failureRate ? worst : undefined;
}

function whyFailed({ rejected, unknown }: Step): string {
  return [rejected > 0 ? `${count(rejected)} rejected` : '', unknown > 0 ? `${count(unknown)} given up` : ''].filter(Boolean).join(', ');
}

function Tries({ of: { tries, errors, errorRate } }: { readonly of: Step['action'] }) {
  return <Share of={errorRate} because={errors === 0 ? '' : `${count(errors)} of ${count(tries)} tries`} />;
}

function Share({ of: part, because }: { readonly of: number | null; readonly because: string }) {
  if (part === null) return <span class="muted">–</span>;
  return (
    <>
      <span class={part === 0 ? 'muted' : ''}>{share(part)}</span>
      {because === '' ? null : <span class="muted under">{because}</span>}
    </>
  );
}

function time(ms: number | null): string {
  return ms === null ? '–' : duration(ms);
}
