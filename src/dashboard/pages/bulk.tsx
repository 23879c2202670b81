import { useSignal } from '@preact/signals';
import { api, runBulk } from '../api/api.js';
import { by, decider, rememberBy } from '../api/session.js';
import type { BulkLine, BulkPlanView } from '../api/views.js';
import { count, counted, shortId } from '../model/words.js';
import { Dialog } from '../parts/dialog.js';
import { Failed } from '../parts/states.js';
import { Status } from '../parts/status.js';
import { Data } from '../parts/text.js';
import { toSaga } from '../route.js';
import { ByField, ReasonField } from '../parts/decree.js';

const VERBS = [
  ['suspend', 'Suspend: send nothing until resumed'],
  ['resume', 'Resume'],
  ['cancel', 'Cancel: undo what was done'],
  ['retry', 'Retry the stuck step'],
  ['settle success', 'Settle the stuck step: it succeeded'],
  ['settle rejected', 'Settle the stuck step: it was rejected'],
] as const;
type Choice = (typeof VERBS)[number][0];

/** Refused ones that are listed; all of them are counted. */
const LISTED = 50;

type Phase = 'choosing' | 'planning' | 'running' | 'done';
export interface BulkProps {
  /** As `POST /bulk` takes it. */
  readonly filter: Readonly<Record<string, unknown>>;
  /** The same in words. */
  readonly words: string;
  readonly first?: Choice;
  /** What is settled or retried, where the filter does not say it. */
  readonly step?: string | undefined;
  readonly onClose: () => void;
}

/** One decision for everything that a filter finds: what would happen first, then each result. */
export function BulkDialog({ filter, words, first = 'suspend', step: known = '', onClose }: BulkProps) {
  const choice = useSignal<Choice>(first);
  const step = useSignal(known);
  const reason = useSignal('');
  const phase = useSignal<Phase>('choosing');
  const plan = useSignal<BulkPlanView | undefined>(undefined);
  const error = useSignal<Error | undefined>(undefined);
  const tally = useSignal({ done: 0, refused: 0 });
  const refused = useSignal<readonly BulkLine[]>([]);
  const [verb, outcome] = choice.value.split(' ');
  const isAboutStep = verb === 'retry' || verb === 'settle';
  const body = () => ({
    verb,
    filter,
    reason: reason.value,
    by: decider(),
    ...(outcome === undefined ? {} : { outcome }),
    ...(isAboutStep && step.value !== '' ? { step: step.value } : {}),
  });
  const attempt = async (busy: Phase, after: Phase, act: () => Promise<void>) => {
    phase.value = busy;
    error.value = undefined;
    try {
      await act();
      phase.value = after;
    } catch (cause: unknown) {
      error.value = cause instanceof Error ? cause : new Error(String(cause));
      phase.value = 'choosing';
    }
  };
  const tryIt = () => attempt('planning', 'choosing', async () => void (plan.value = await api.planBulk(body())));
  const note = (line: BulkLine) => {
    if (line.problem) error.value = new Error(line.problem.detail);
    if (line.id === undefined) return;
    const { done, refused: no } = tally.value;
    tally.value = line.done ? { done: done + 1, refused: no } : { done, refused: no + 1 };
    if (!line.done && refused.value.length < LISTED) refused.value = [...refused.value, line];
  };
  const doIt = () => attempt('running', 'done', () => runBulk(body(), note));
  const changed = () => (plan.value = undefined);
  const isBusy = phase.value === 'planning' || phase.value === 'running';
  return (
    <Dialog title="Act on all that match" onClose={onClose} wide>
      <p class="muted">
        <Data of={words} />
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void (plan.value === undefined ? tryIt() : doIt());
        }}
      >
        <fieldset disabled={isBusy || phase.value === 'done'}>
          <label class="field">
            <span>What</span>
            <select
              name="verb"
              value={choice.value}
              onChange={({ currentTarget }) => {
                choice.value = currentTarget.value as Choice;
                changed();
              }}
            >
              {VERBS.map(([name, text]) => (
                <option key={name} value={name}>
                  {text}
                </option>
              ))}
            </select>
          </label>
          {isAboutStep ? (
            <label class="field">
              <span>Step (empty: whichever is stuck)</span>
              <input
                name="step"
                autocomplete="off"
                value={step.value}
                onInput={({ currentTarget }) => {
                  step.value = currentTarget.value.trim();
                  changed();
                }}
              />
            </label>
          ) : null}
          <ReasonField value={reason.value} onInput={(text) => (reason.value = text)} />
          <ByField value={by.value} onInput={rememberBy} />
        </fieldset>
        {plan.value && phase.value !== 'done' ? <Plan plan={plan.value} /> : null}
        {phase.value === 'running' || phase.value === 'done' ? (
          <div role="status" class="bulk-result">
            <b>{count(tally.value.done)}</b> done, <b>{count(tally.value.refused)}</b> refused{phase.value === 'running' ? ' …' : '.'}
            <Refused lines={refused.value} />
          </div>
        ) : null}
        {error.value ? <Failed error={error.value} /> : null}
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            {phase.value === 'done' ? 'Close' : 'Leave it'}
          </button>
          {phase.value === 'done' ? null : <Submit plan={plan.value} isBusy={isBusy} />}
        </div>
      </form>
    </Dialog>
  );
}

/** Nothing is done before it was said for how many. */
function Submit({ plan, isBusy }: { readonly plan: BulkPlanView | undefined; readonly isBusy: boolean }) {
  if (plan === undefined) {
    return (
      <button type="submit" class="button primary" disabled={isBusy}>
        {isBusy ? 'Asking …' : 'What would happen?'}
      </button>
    );
  }
  return (
    <button type="submit" class="button danger" disabled={isBusy || plan.allowed === 0}>
      {isBusy ? 'Working …' : `Do it for ${counted(plan.allowed, 'saga')}`}
    </button>
  );
}

function Plan({ plan: { matched, allowed, refused, sample } }: { readonly plan: BulkPlanView }) {
  return (
    <div class="bulk-plan" role="status">
      <p>
        <b>{counted(matched, 'saga')}</b> {matched === 1 ? 'matches' : 'match'}; it would be done for <b>{count(allowed)}</b>.
      </p>
      {refused.length > 0 ? (
        <ul>
          {refused.map(({ why, count: number }) => (
            <li key={why}>
              Not for {count(number)}: <Data of={why} />
            </li>
          ))}
        </ul>
      ) : null}
      {sample.length > 0 ? (
        <ul class="sample" aria-label="Some of them">
          {sample.slice(0, SAMPLED).map((one) => (
            <li key={one.id}>
              <a href={toSaga(one.id)} target="_blank" rel="noopener">
                <Data of={one.key ?? shortId(one.id)} />
              </a>
              <Status of={one.status} />
              <span aria-label="becomes">→</span>
              <Status of={one.becomes} />
              {one.sends.length > 0 ? <span class="muted mono">sends {one.sends.join(', ')}</span> : null}
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}
const SAMPLED = 5;

function Refused({ lines }: { readonly lines: readonly BulkLine[] }) {
  if (lines.length === 0) return null;
  return (
    <ul>
      {lines.map((line) => (
        <li key={line.id}>
          <a href={toSaga(line.id!)} target="_blank" rel="noopener" class="mono">
            {shortId(line.id!)}
          </a>{' '}
          <Data of={line.detail ?? line.code ?? 'refused'} />
        </li>
      ))}
    </ul>
  );
}
