import { api } from '../api/api.js';
import { useLive } from '../api/live.js';
import type { DeadLetterView } from '../api/views.js';
import { bytes } from '../model/words.js';
import { Pages } from '../parts/pages.js';
import { Awaited, Empty, Scroll } from '../parts/states.js';
import { Ago, Data } from '../parts/text.js';
import { place, setQuery, toLetter } from '../route.js';

const PAGE = 50;
const EVERY_MS = 3_000;

/** Messages that nobody could understand or trust. */
export function DeadLettersPage() {
  const { query } = place.value;
  const filter = { queue: query.get('queue') ?? '', reason: query.get('reason') ?? '' };
  const cursor = query.get('cursor') ?? undefined;
  const asked = { ...filter, limit: PAGE, cursor };
  const live = useLive(`letters ${JSON.stringify(asked)}`, (signal) => api.deadLetters(asked, signal), {
    everyMs: cursor === undefined ? EVERY_MS : undefined,
  });
  return (
    <>
      <div class="page-head">
        <h1>Dead letters</h1>
      </div>
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <div class="filter-row">
          {(['queue', 'reason'] as const).map((name) => (
            <label class="field" key={name}>
              <span>{name === 'queue' ? 'Queue' : 'Reason'}</span>
              <input
                name={name}
                placeholder={name === 'queue' ? 'backstep.replies' : 'Words of it'}
                autocomplete="off"
                value={filter[name]}
                onChange={({ currentTarget }) => setQuery({ [name]: currentTarget.value.trim(), cursor: undefined })}
              />
            </label>
          ))}
        </div>
      </form>
      <section class="panel" aria-label="Dead letters found">
        <Awaited live={live} rows={8}>
          {(page) => {
            if (!page) return <Empty icon="question" title="This server does not list dead letters" />;
            if (page.deadLetters.length === 0)
              return <Empty title={filter.queue + filter.reason === '' ? 'There is no dead letter' : 'No dead letter matches'} />;
            return (
              <>
                <Scroll label="Table of dead letters">
                  <LettersTable letters={page.deadLetters} />
                </Scroll>
                <Pages next={page.cursor} isFirst={cursor === undefined} />
              </>
            );
          }}
        </Awaited>
      </section>
    </>
  );
}

function LettersTable({ letters }: { readonly letters: readonly DeadLetterView[] }) {
  return (
    <table class="table">
      <thead>
        <tr>
          <th scope="col">Reason</th>
          <th scope="col">Queue</th>
          <th scope="col" class="wide-only">
            Type
          </th>
          <th scope="col" class="number wide-only">
            Size
          </th>
          <th scope="col" class="number">
            Came
          </th>
        </tr>
      </thead>
      <tbody>
        {letters.map((letter) => (
          <tr key={letter.id}>
            <td class="words">
              <a href={toLetter(letter.id)}>
                <Data of={letter.reason} />
              </a>
            </td>
            <td class="mono">
              <Data of={letter.queue} />
            </td>
            <td class="wide-only mono">
              <Data of={letter.type} />
            </td>
            <td class="number wide-only">{bytes(letter.bytes)}</td>
            <td class="number muted">
              <Ago at={letter.at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
