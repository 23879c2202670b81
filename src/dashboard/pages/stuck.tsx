import { mayOperate } from '../api/me.js';
import type { SagaView, StuckView } from '../api/views.js';
import { Icon } from '../parts/icon.js';
import { Data } from '../parts/text.js';
import type { Intent } from './verb-dialog.js';

/** What is stuck, why, and what a person may do about it; before everything else. */
export function StuckPanel({ saga, choose }: { readonly saga: SagaView; readonly choose: (intent: Intent) => void }) {
  if (saga.stuck.length === 0) return null;
  return (
    <section class="panel stuck-panel" aria-label="What is stuck">
      {saga.stuck.map((one) => (
        <div class="stuck-one" key={`${one.step} ${one.phase}`}>
          <Icon name="alert" size={18} />
          <div>
            <p>
              <b>
                <Data of={one.step} />
                {one.phase === 'action' ? '' : `'s ${one.phase}`} is stuck.
              </b>{' '}
              <Data of={one.sentence} />
            </p>
            {mayOperate() ? (
              <div class="verbs" role="group" aria-label={`What can be done about ${one.step}`}>
                {one.verbs.map((verb) => (
                  <button type="button" key={verb} class="button" onClick={() => choose(intentOf(one, verb))}>
                    {WORDS[verb]}
                  </button>
                ))}
              </div>
            ) : null}
          </div>
        </div>
      ))}
    </section>
  );
}

const WORDS: Readonly<Record<StuckView['verbs'][number], string>> = {
  retry: 'Try again …',
  'retry confirm=not-done': 'It was not done: try again …',
  'settle success': 'It succeeded …',
  'settle rejected': 'It was rejected …',
};

function intentOf(stuck: StuckView, verb: StuckView['verbs'][number]): Intent {
  switch (verb) {
    case 'retry':
      return { verb: 'retry', stuck };
    case 'retry confirm=not-done':
      return { verb: 'retry', stuck, confirm: true };
    case 'settle success':
      return { verb: 'settle', stuck, outcome: 'success' };
    case 'settle rejected':
      return { verb: 'settle', stuck, outcome: 'rejected' };
  }
}
