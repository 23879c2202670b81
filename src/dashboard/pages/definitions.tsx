import { share } from '../../cli/words.js';
import { api } from '../api/api.js';
import { useLive } from '../api/live.js';
import type { FiguresView } from '../api/views.js';
import { count } from '../model/words.js';
import { OpenCounts } from '../parts/open-counts.js';
import { whatOf } from '../parts/participants-table.js';
import { Awaited, Empty, Scroll } from '../parts/states.js';
import { worstOf } from '../parts/step-figures.js';
import { Data } from '../parts/text.js';
import { toDefinition } from '../route.js';

const EVERY_MS = 3_000;

/** What is loaded or still in flight, version by version. */
export function DefinitionsPage() {
  const overview = useLive('definitions', (signal) => api.overview({ limit: 1 }, signal), { everyMs: EVERY_MS });
  const figures = useLive('figures', api.figures, { everyMs: 10_000 });
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
                      <th scope="col">In flight</th>
                      <th scope="col">Fails most at</th>
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
                        <td>
                          <OpenCounts of={one} />
                        </td>
                        <td>
                          <Worst
                            version={figures.data?.definitions.find(({ name, version }) => name === one.name && version === one.version)}
                          />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scroll>
            )
          }
        </Awaited>
        {figures.data && overview.data ? (
          <p class="note muted">Fails most at: in {whatOf(figures.data)}; more on the page of each.</p>
        ) : null}
      </section>
    </>
  );
}

function Worst({ version }: { readonly version: FiguresView['definitions'][number] | undefined }) {
  if (!version || version.sagas === 0) return <span class="muted">–</span>;
  const worst = worstOf(version);
  if (!worst) return <span class="muted">none of {count(version.sagas)}</span>;
  return (
    <span class="nowrap" title={`${count(worst.rejected)} rejected, ${count(worst.unknown)} given up, of ${count(worst.settled)}`}>
      <Data of={worst.name} class="mono" /> <span class="muted">{share(worst.failureRate)}</span>
    </span>
  );
}
