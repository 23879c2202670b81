import { useState } from 'preact/hooks';
import { effectWords, eventWords, timeOfDay } from '../../cli/words.js';
import type { HistoryEntryView } from '../api/views.js';
import { Data, exact } from './text.js';

const FIRST = 20;
const LAST = 60;

/** What happened, in order. A long history shows its beginning and its end first. */
export function HistoryTable({ history }: { readonly history: readonly HistoryEntryView[] }) {
  const [isWhole, setWhole] = useState(false);
  const left = history.length - FIRST - LAST;
  const isCut = !isWhole && left > 1;
  const head = isCut ? history.slice(0, FIRST) : history;
  return (
    <ol class="history">
      {head.map((entry) => (
        <Entry key={entry.seq} entry={entry} />
      ))}
      {isCut ? (
        <li>
          <button type="button" class="link" onClick={() => setWhole(true)}>
            Show {left} more
          </button>
        </li>
      ) : null}
      {isCut ? history.slice(-LAST).map((entry) => <Entry key={entry.seq} entry={entry} />) : null}
    </ol>
  );
}

function Entry({ entry }: { readonly entry: HistoryEntryView }) {
  return (
    <li class={entry.by === undefined ? '' : 'by-person'}>
      <span class="seq muted">{entry.seq}</span>
      <time class="mono" dateTime={entry.at} title={exact(entry.at)}>
        {timeOfDay(entry.at)}
      </time>
      <span>
        <Data of={eventWords(entry)} class="event" />
        {entry.effects.map((effect, index) => (
          <span class={`effect effect-${String(effect['do'])}`} key={index}>
            <Data of={effectWords(effect)} />
          </span>
        ))}
      </span>
    </li>
  );
}
