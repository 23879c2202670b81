import type { ActivityView } from '../api/views.js';
import { count, duration } from '../model/words.js';
import { toDefinition } from '../route.js';
import { Empty, Scroll } from './states.js';
import { Status } from './status.js';
import { Data } from './text.js';

/** Percentiles by definition and end. `isOfOne`: of one definition, so that its name goes without saying. */
export function DurationsTable(props: { readonly durations: ActivityView['durations']; readonly isOfOne?: boolean }) {
  const { durations, isOfOne = false } = props;
  // Where names take room, something else has none.
  const narrowly = isOfOne ? '' : 'wide-only';
  if (durations.length === 0) return <Empty icon="dot" title="Nothing has ended in the last hour" />;
  return (
    <Scroll label="How long sagas took">
      <table class="table">
        <thead>
          <tr>
            {isOfOne ? null : <th scope="col">Definition</th>}
            <th scope="col">End</th>
            <th scope="col" class="number">
              p50
            </th>
            <th scope="col" class="number">
              p95
            </th>
            <th scope="col" class={`number ${narrowly}`}>
              p99
            </th>
            <th scope="col" class={`number ${narrowly}`}>
              Sagas
            </th>
          </tr>
        </thead>
        <tbody>
          {durations.map((one) => (
            <tr key={`${one.name} ${one.outcome}`}>
              {isOfOne ? null : (
                <td>
                  <a href={toDefinition(one.name)}>
                    <Data of={one.name} />
                  </a>
                </td>
              )}
              <td>
                <Status of={one.outcome} />
              </td>
              <td class="number">{duration(one.p50Ms)}</td>
              <td class="number">{duration(one.p95Ms)}</td>
              <td class={`number ${narrowly}`}>{duration(one.p99Ms)}</td>
              <td class={`number muted ${narrowly}`}>{count(one.count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
