import { api } from '../api/api.js';
import { useLive } from '../api/live.js';
import { count } from '../model/words.js';
import { Awaited, Empty, Scroll } from '../parts/states.js';
import { Data } from '../parts/text.js';
import { toDefinition, toSagas } from '../route.js';

const EVERY_MS = 3_000;

/** What is loaded or still in flight, version by version. */
export function DefinitionsPage() {
  const overview = useLive('definitions', (signal) => api.overview({ limit: 1 }, signal), { everyMs: EVERY_MS });
  return (
    <>
      <div class="page-head">
        <h1>Definitions</h1>
      </div>
      <section class="panel" aria-label="Definitions">
        <Awaited live={overview}>
          {({ definitions }) =>
            definitions.length === 0 ? (
              <Empty icon="dot" title="No definition is loaded">
                <span class="mono">backstep serve --sagas DIR</span> loads a folder of them.
              </Empty>
            ) : (
              <Scroll label="Table of definitions">
                <table class="table">
                  <thead>
                    <tr>
                      <th scope="col">Definition</th>
                      <th scope="col" class="number">
                        Running
                      </th>
                      <th scope="col" class="number">
                        Compensating
                      </th>
                      <th scope="col" class="number">
                        Suspended
                      </th>
                      <th scope="col" class="number">
                        Stuck
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {definitions.map((one) => (
                      <tr key={`${one.name}@${one.version}`}>
                        <td>
                          <a href={toDefinition(one.name, one.version)}>
                            <Data of={one.name} /> <span class="muted">v{one.version}</span>
                          </a>
                          {one.loaded ? null : <span class="muted under">not loaded by this server</span>}
                        </td>
                        {(['running', 'compensating', 'suspended', 'stuck'] as const).map((status) => (
                          <td class="number" key={status}>
                            {one[status] === 0 ? (
                              <span class="muted">0</span>
                            ) : (
                              <a href={toSagas({ status, name: one.name, version: String(one.version) })}>{count(one[status])}</a>
                            )}
                          </td>
                        ))}
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            )
          }
        </Awaited>
      </section>
    </>
  );
}
