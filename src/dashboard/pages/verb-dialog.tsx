import { useSignal } from '@preact/signals';
import { api, type Verb } from '../api/api.js';
import { useLive } from '../api/live.js';
import type { CancelPlanView, SagaView, StuckView } from '../api/views.js';
import { DecisionDialog, type Decision } from '../parts/decision-dialog.js';
import { Failed, Loading } from '../parts/states.js';
import { Data } from '../parts/text.js';

/** A verb that somebody is about to use; `retry` and `settle` are about a stuck step. */
export interface Intent {
  readonly verb: Verb;
  readonly stuck?: StuckView;
  readonly outcome?: 'success' | 'rejected';
  readonly confirm?: boolean;
}

const TITLES: Readonly<Record<Verb, string>> = {
  cancel: 'Cancel this saga',
  suspend: 'Suspend this saga',
  resume: 'Resume this saga',
  retry: 'Try the step again',
  settle: 'Give the answer by hand',
};
const BUTTONS: Readonly<Record<Verb, string>> = {
  cancel: 'Cancel the saga',
  suspend: 'Suspend',
  resume: 'Resume',
  retry: 'Try again',
  settle: 'Settle',
};
const MEANING: Readonly<Record<Exclude<Verb, 'settle'>, string>> = {
  cancel: 'It turns back: what was done is undone, latest first.',
  suspend: 'Nothing is sent until it is resumed; answers that come are noted.',
  resume: 'It goes on where it was.',
  retry: 'The same command goes out again now. With another request it is a new command.',
};

/** Asks for what a verb needs, and why; what the server refuses is said here. */
export function VerbDialog(props: {
  readonly saga: SagaView;
  readonly intent: Intent;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const { saga, intent, onClose, onDone } = props;
  const { verb, stuck, outcome } = intent;
  const payload = useSignal('');
  const code = useSignal('');
  const decide = async (decision: Decision) => {
    await api.operate(saga.id, verb, bodyOf(intent, decision, { payload: payload.value, code: code.value }));
  };
  const canHavePayload = verb === 'retry' || (outcome === 'success' && stuck?.phase !== 'compensation');
  return (
    <DecisionDialog
      title={TITLES[verb]}
      meaning={verb === 'settle' ? settleWords(stuck, outcome) : MEANING[verb]}
      verb={BUTTONS[verb]}
      isDanger={verb === 'cancel'}
      decide={decide}
      onDone={onDone}
      onClose={onClose}
    >
      {stuck ? (
        <p class="sentence">
          <Data of={stuck.sentence} />
        </p>
      ) : null}
      {intent.confirm ? <p class="fault">You vouch that the command was not done: its participant no longer remembers it.</p> : null}
      {verb === 'cancel' ? <CancelPlan id={saga.id} /> : null}
      {canHavePayload ? (
        <label class="field">
          <span>{verb === 'retry' ? 'Another request, as JSON (empty: the same)' : 'The reply, as JSON (empty: none)'}</span>
          <textarea
            name="payload"
            rows={4}
            spellcheck={false}
            class="mono"
            value={payload.value}
            onInput={({ currentTarget }) => (payload.value = currentTarget.value)}
          />
        </label>
      ) : null}
      {outcome === 'rejected' ? (
        <label class="field">
          <span>Code of the rejection (empty: none)</span>
          <input
            name="code"
            autocomplete="off"
            value={code.value}
            onInput={({ currentTarget }) => (code.value = currentTarget.value.trim())}
          />
        </label>
      ) : null}
    </DecisionDialog>
  );
}

function settleWords(stuck: StuckView | undefined, outcome: Intent['outcome']): string {
  const what = stuck?.phase === 'compensation' ? 'it is undone' : outcome === 'rejected' ? 'it was rejected' : 'it succeeded';
  return `You answer in the participant's place: ${what}. It counts like a reply.`;
}

function bodyOf(intent: Intent, decision: Decision, typed: { readonly payload: string; readonly code: string }): object {
  const { verb, stuck, outcome, confirm } = intent;
  const payload = typed.payload.trim() === '' ? {} : { [verb === 'retry' ? 'request' : 'reply']: parsed(typed.payload) };
  return {
    ...decision,
    ...(stuck ? { step: stuck.step } : {}),
    ...(outcome ? { outcome } : {}),
    ...(confirm ? { confirm: 'not-done' } : {}),
    ...(typed.code === '' ? {} : { code: typed.code }),
    ...payload,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error: unknown) {
    throw new Error(`This is no JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** What a cancel would send, in its order. */
function CancelPlan({ id }: { readonly id: string }) {
  const plan = useLive(`plan ${id}`, (signal) => api.cancelPlan(id, signal));
  if (plan.error) return <Failed error={plan.error} retry={plan.refresh} />;
  if (plan.data === undefined) return <Loading rows={2} />;
  // A server that does not preview.
  if (plan.data === null) return null;
  return <PlanList plan={plan.data} />;
}

function PlanList({ plan: { possible, why, notes = [], commands, kept = [] } }: { readonly plan: CancelPlanView }) {
  if (!possible) return <p class="fault">{why ?? 'A cancel is not possible now.'}</p>;
  return (
    <>
      {notes.map((note) => (
        <p key={note} class="muted">
          <Data of={note} />
        </p>
      ))}
      {commands.length === 0 ? <p class="muted">Nothing has to be undone.</p> : null}
      {commands.length > 0 ? (
        <ol class="plan" aria-label="What would be sent, in this order">
          {commands.map(({ step, phase, command, after, open, fault }, index) => (
            <li key={`${step} ${command} ${index}`}>
              <Data of={command} class="mono" /> {phase === 'fence' ? 'asks for the outcome of' : 'undoes'} <Data of={step} class="mono" />
              <span class="muted">
                {open ? ', if it ends so' : after === 'unknown' ? ', which may have happened' : ', which succeeded'}
              </span>
              {fault === undefined ? null : (
                <span class="fault">
                  {' '}
                  <Data of={fault} />
                </span>
              )}
            </li>
          ))}
        </ol>
      ) : null}
      {kept.length > 0 ? (
        <p class="muted">
          Nothing undoes <Data of={kept.join(', ')} class="mono" />.
        </p>
      ) : null}
    </>
  );
}
