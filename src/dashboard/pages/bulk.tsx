import { useSignal } from '@preact/signals';
import { api, runBulk, type Verb } from '../api/api.js';
import { by, rememberBy } from '../api/session.js';
import type { BulkLine, BulkPlanView } from '../api/views.js';
import { bulkFilter, type SagaSearch } from '../model/saga-filter.js';
import { count, counted, shortId } from '../model/words.js';
import { Dialog } from '../parts/dialog.js';
import { Failed } from '../parts/states.js';
import { Data } from '../parts/text.js';
import { toSaga } from '../route.js';
import { ByField, ReasonField } from '../parts/decree.js';

const VERBS: readonly (readonly [Verb, string])[] = [
  ['suspend', 'Suspend: send nothing until resumed'],
  ['resume', 'Resume'],
  ['cancel', 'Cancel: undo what was done'],
  ['retry', 'Retry the stuck step'],
];
/** Refused ones that are listed; all of them are counted. */
const LISTED = 50;

type Phase = 'choosing' | 'planning' | 'running' | 'done';

/** One decision for everything that the search finds: what would happen first, then each result. */
export function BulkDialog({ search, onClose }: { readonly search: SagaSearch; readonly onClose: () => void }) {
  const verb = useSignal<Verb>('suspend');
  const step = useSignal(search.fields.step ?? '');
  const reason = useSignal('');
  const phase = useSignal<Phase>('choosing');
  const plan = useSignal<BulkPlanView | undefined>(undefined);
  const error = useSignal<Error | undefined>(undefined);
  const tally = useSignal({ done: 0, refused: 0 });
  const refused = useSignal<readonly BulkLine[]>([]);
  const needsStep = verb.value === 'retry';
  const body = () => ({
    verb: verb.value,
    filter: bulkFilter(search),
    reason: reason.value,
    by: by.value === '' ? 'dashboard' : by.value,
    ...(needsStep && step.value !== '' ? { step: step.value } : {}),
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
  const tryIt = () =>
    attempt('planning', 'choosing', async () => {
      plan.value = await api.planBulk(body());
    });
  const doIt = () =>
    attempt('running', 'done', () =>
      runBulk(body(), (line) => {
        if (line.id === undefined) return;
        const { done, refused: no } = tally.value;
        tally.value = line.done ? { done: done + 1, refused: no } : { done, refused: no + 1 };
        if (!line.done && refused.value.length < LISTED) refused.value = [...refused.value, line];
      }),
    );
  const changed = () => (plan.value = undefined);
  const isBusy = phase.value === 'planning' || phase.value === 'running';
  return (
    <Dialog title="Act on all that match" onClose={onClose} wide>
      <p class="muted">{filterWords(search)}</p>
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
              value={verb.value}
              onChange={({ currentTarget }) => {
                verb.value = currentTarget.value as Verb;
                changed();
              }}
            >
              {VERBS.map(([name, words]) => (
                <option key={name} value={name}>
                  {words}
                </option>
              ))}
            </select>
          </label>
          {needsStep ? (
            <label class="field">
              <span>Step (empty: whichever is stuck)</span>
              <input
                name="step"
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
        {plan.value ? <Plan plan={plan.value} /> : null}
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
          {phase.value === 'done' ? null : plan.value === undefined ? (
            <button type="submit" class="button primary" disabled={isBusy}>
              {isBusy ? 'Asking …' : 'What would happen?'}
            </button>
          ) : (
            <button type="submit" class="button danger" disabled={isBusy || plan.value.allowed === 0}>
              {isBusy ? 'Working …' : `Do it for ${counted(plan.value.allowed, 'saga')}`}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

function Plan({ plan }: { readonly plan: BulkPlanView }) {
  return (
    <div class="bulk-plan" role="status">
      <p>
        <b>{counted(plan.matched, 'saga')}</b> {plan.matched === 1 ? 'matches' : 'match'}; it would be done for <b>{count(plan.allowed)}</b>
        .
      </p>
      {plan.refused.length > 0 ? (
        <ul>
          {plan.refused.map(({ why, count: number }) => (
            <li key={why}>
              not for {count(number)}: <Data of={why} />
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

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

function filterWords({ status, fields }: SagaSearch): string {
  const parts = [...status.map((one) => `status ${one}`), ...Object.entries(fields).map(([name, value]) => `${name} ${value}`)];
  return parts.length === 0 ? 'Every saga that has not ended: nothing is filtered.' : `Sagas with ${parts.join(', ')}.`;
}
