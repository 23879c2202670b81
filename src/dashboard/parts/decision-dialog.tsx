import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { by, decider, rememberBy } from '../api/session.js';
import { ByField, ReasonField } from './decree.js';
import { Dialog } from './dialog.js';
import { Failed } from './states.js';

/** Who decides, and why. */
export interface Decision {
  readonly by: string;
  readonly reason: string;
}

/** Asks for a decision with its reason, and for what else `children` ask; what the server has against it is said here. */
export function DecisionDialog(props: {
  readonly title: string;
  /** What it means, in a sentence. */
  readonly meaning: string;
  /** Of the button. */
  readonly verb: string;
  readonly isDanger: boolean;
  /** Throws what keeps it from being done. */
  readonly decide: (decision: Decision) => Promise<void>;
  /** After `onClose`. */
  readonly onDone: () => void;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}) {
  const { title, meaning, verb, isDanger, decide, onDone, onClose, children } = props;
  const reason = useSignal('');
  const error = useSignal<Error | undefined>(undefined);
  const isBusy = useSignal(false);
  const submit = async () => {
    isBusy.value = true;
    error.value = undefined;
    try {
      await decide({ by: decider(), reason: reason.value });
      onClose();
      onDone();
    } catch (cause: unknown) {
      error.value = cause instanceof Error ? cause : new Error(String(cause));
    }
    isBusy.value = false;
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <p class="muted">{meaning}</p>
        {children}
        <ReasonField value={reason.value} onInput={(text) => (reason.value = text)} />
        <ByField value={by.value} onInput={rememberBy} />
        {error.value ? <Failed error={error.value} /> : null}
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" class={`button ${isDanger ? 'danger' : 'primary'}`} disabled={isBusy.value}>
            {isBusy.value ? 'Sending …' : verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
