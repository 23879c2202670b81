import { useSignal } from '@preact/signals';
import { api } from '../api/api.js';
import { useLive } from '../api/live.js';
import { mayOperate } from '../api/me.js';
import type { DeadLetterView } from '../api/views.js';
import { bytes, counted } from '../model/words.js';
import { DecisionDialog } from '../parts/decision-dialog.js';
import { Copy, Json } from '../parts/json.js';
import { Awaited, Panel } from '../parts/states.js';
import { Ago, Data } from '../parts/text.js';
import { go } from '../route.js';

type Verb = 'replay' | 'discard';

/** One dead letter: why it is here, what it says, and what becomes of it. */
export function DeadLetterPage({ id }: { readonly id: string }) {
  const live = useLive(`letter ${id}`, (signal) => api.deadLetter(id, signal));
  const chosen = useSignal<Verb | undefined>(undefined);
  return (
    <>
      <Awaited live={live} rows={10}>
        {(letter) => (
          <>
            <div class="page-head">
              <div>
                <p class="crumbs">
                  <a href="/dead-letters">Dead letters</a>
                </p>
                <h1>
                  <Data of={letter.reason} />
                </h1>
              </div>
              {mayOperate() && letter.discarded === null ? (
                <div class="verbs" role="group" aria-label="What can be done">
                  <button type="button" class="button" disabled={!letter.replayable} onClick={() => (chosen.value = 'replay')}>
                    Replay …
                  </button>
                  <button type="button" class="button danger-quiet" onClick={() => (chosen.value = 'discard')}>
                    Discard …
                  </button>
                </div>
              ) : null}
            </div>
            <Facts letter={letter} />
            <Panel title="Body">
              <Body letter={letter} />
            </Panel>
            {Object.keys(letter.headers).length > 0 ? (
              <Panel title="Headers">
                <Json value={letter.headers} label="Headers of the message" />
              </Panel>
            ) : null}
          </>
        )}
      </Awaited>
      {chosen.value ? <LetterDialog id={id} verb={chosen.value} onClose={() => (chosen.value = undefined)} /> : null}
    </>
  );
}

function Facts({ letter }: { readonly letter: DeadLetterView }) {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Queue', letter.queue],
    ['Type', letter.type],
    ['Message id', letter.messageId],
    ['Correlation id', letter.correlationId],
    ['SHA-256', letter.sha256],
  ];
  return (
    <section class="panel" aria-label="Facts">
      <dl class="facts">
        <div>
          <dt>Came</dt>
          <dd>
            <Ago at={letter.at} />
          </dd>
        </div>
        <div>
          <dt>Size</dt>
          <dd>{bytes(letter.bytes)}</dd>
        </div>
        <div>
          <dt>Replayed</dt>
          <dd>{letter.replays === 0 ? 'never' : counted(letter.replays, 'time')}</dd>
        </div>
        {facts.map(([name, value]) =>
          value === undefined || value === '' ? null : (
            <div class="fact-long" key={name}>
              <dt>{name}</dt>
              <dd class="mono">
                <Data of={value} />
              </dd>
            </div>
          ),
        )}
      </dl>
      {letter.replayable || letter.whyNot === undefined ? null : (
        <p class="notice tone-held">
          It cannot be replayed: <Data of={letter.whyNot} />
        </p>
      )}
      <Mark what="Replayed" of={letter.replayed} />
      <Mark what="Discarded" of={letter.discarded} />
      {letter.cut ? <p class="notice tone-held">It was too long: only its beginning was kept.</p> : null}
    </section>
  );
}

function Mark({ what, of: mark }: { readonly what: string; readonly of: DeadLetterView['replayed'] }) {
  if (!mark) return null;
  return (
    <p class="notice tone-idle">
      {what} by <Data of={mark.by} /> <Ago at={mark.at} />: <Data of={mark.reason} />
    </p>
  );
}

function Body({ letter: { body = '', encoding } }: { readonly letter: DeadLetterView }) {
  const parsed = encoding === 'base64' ? undefined : asJson(body);
  if (parsed) return <Json value={parsed.value} label="Body of the message" />;
  return (
    <figure class="json">
      <figcaption>
        {encoding === 'base64' ? 'Not text: base64' : 'Not JSON: as it came'}
        <Copy text={body} what="the body" />
      </figcaption>
      <pre tabIndex={0} aria-label="Body of the message">
        <Data of={body === '' ? '(empty)' : body} />
      </pre>
    </figure>
  );
}

function asJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

const MEANING: Readonly<Record<Verb, string>> = {
  replay: 'The message goes back to the queue that it came from, as it is. If the reason is still there, it comes back here.',
  discard: 'The message is thrown away for good.',
};

function LetterDialog({ id, verb, onClose }: { readonly id: string; readonly verb: Verb; readonly onClose: () => void }) {
  return (
    <DecisionDialog
      title={verb === 'replay' ? 'Replay this message' : 'Discard this message'}
      meaning={MEANING[verb]}
      verb={verb === 'replay' ? 'Replay' : 'Discard'}
      isDanger={verb === 'discard'}
      decide={(decision) => api.operateLetter(id, verb, decision)}
      onDone={() => go('/dead-letters')}
      onClose={onClose}
    />
  );
}
