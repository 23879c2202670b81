import { graphOf } from '../../graph/model.js';
import { api } from '../api/api.js';
import { useLive, type Live } from '../api/live.js';
import type { ActivityView, DefinitionStepView, DefinitionView, FiguresView, OverviewView } from '../api/views.js';
import { count, counted, duration } from '../model/words.js';
import { DurationsTable } from '../parts/durations-table.js';
import { GraphPicture } from '../parts/graph.js';
import { Awaited, Empty, Panel, Scroll } from '../parts/states.js';
import { StepFiguresTable } from '../parts/step-figures.js';
import { Status } from '../parts/status.js';
import { Data } from '../parts/text.js';
import { WhoseHour } from '../parts/whose-hour.js';
import { place, toDefinition, toSagas } from '../route.js';

const EVERY_MS = 3_000;
const FIGURES_EVERY_MS = 10_000;

/** One definition: its graph, its versions, and what is set for each step. */
export function DefinitionPage({ name }: { readonly name: string }) {
  const definitions = useLive('definitions', api.definitions);
  const overview = useLive('overview of definitions', (signal) => api.overview({ limit: 1 }, signal), { everyMs: EVERY_MS });
  const figures = useLive('figures', api.figures, { everyMs: FIGURES_EVERY_MS });
  const activity = useLive('activity', api.activity, { everyMs: EVERY_MS });
  const wanted = Number(place.value.query.get('version') ?? Number.NaN);
  return (
    <Awaited live={definitions} rows={10}>
      {({ definitions: all }) => {
        const versions = all.filter((one) => one.name === name).toSorted((one, other) => other.version - one.version);
        const shown = versions.find(({ version }) => version === wanted) ?? versions[0];
        return (
          <>
            <div class="page-head">
              <div>
                <p class="crumbs">
                  <a href="/definitions">Definitions</a>
                </p>
                <h1>
                  <Data of={name} /> {shown ? <span class="muted">v{shown.version}</span> : null}
                </h1>
              </div>
              <a class="button" href={toSagas({ name })}>
                Its sagas
              </a>
            </div>
            <Versions name={name} shown={shown?.version} counts={overview.data?.definitions.filter((one) => one.name === name) ?? []} />
            {shown ? (
              <Definition definition={shown} activity={activity.data ?? undefined} figures={figures} />
            ) : (
              <section class="panel">
                <Empty icon="question" title="This server has not loaded it">
                  Where sagas of it are in flight, their versions are listed above.
                </Empty>
              </section>
            )}
          </>
        );
      }}
    </Awaited>
  );
}

function Versions(props: { readonly name: string; readonly shown: number | undefined; readonly counts: OverviewView['definitions'] }) {
  const { name, shown, counts } = props;
  return (
    <nav class="versions" aria-label="Versions">
      {counts
        .toSorted((one, other) => other.version - one.version)
        .map((one) => {
          const open = one.running + one.compensating + one.suspended + one.stuck;
          return (
            <a key={one.version} href={toDefinition(name, one.version)} aria-current={one.version === shown ? 'page' : undefined}>
              v{one.version} <span class="muted">{open === 0 ? 'none in flight' : `${count(open)} in flight`}</span>
              {one.stuck > 0 ? <Status of="stuck" /> : null}
            </a>
          );
        })}
    </nav>
  );
}

/** How long its sagas are kept, where that is not for ever. */
function keeping({ completedMs, compensatedMs }: DefinitionView['retention']): string {
  const kept = [
    ...(completedMs === null ? [] : [`completed ${duration(completedMs)}`]),
    ...(compensatedMs === null ? [] : [`compensated ${duration(compensatedMs)}`]),
  ];
  return kept.length > 0 ? `, kept: ${kept.join(', ')}` : '';
}

function Definition(props: {
  readonly definition: DefinitionView;
  readonly activity: ActivityView | undefined;
  readonly figures: Live<FiguresView | null>;
}) {
  const { definition, activity, figures } = props;
  const isIt = ({ name, version }: { readonly name: string; readonly version: number }) =>
    name === definition.name && version === definition.version;
  const durations = activity?.durations.filter(({ name }) => name === definition.name) ?? [];
  return (
    <>
      <Panel
        title="Steps and what undoes them"
        aside={
          <span>
            {definition.compensationOrder === 'reverse' ? 'undone in reverse order' : 'undone by dependency'}
            {definition.deadlineMs === null ? '' : `, deadline ${duration(definition.deadlineMs)}`}
            {keeping(definition.retention)}
          </span>
        }
      >
        <Scroll label="Graph of the steps">
          <GraphPicture graph={graphOf(definition)} />
        </Scroll>
      </Panel>
      <Panel
        title="How the steps went"
        aside={figures.data ? <span>of the newest {counted(figures.data.of, 'finished saga')}</span> : null}
      >
        <Awaited live={figures} rows={definition.steps.length}>
          {(data) =>
            data ? <StepFiguresTable version={data.definitions.find(isIt)} /> : <Empty icon="question" title="This server does not tell" />
          }
        </Awaited>
      </Panel>
      <Panel title="How long sagas took" aside={activity ? <WhoseHour of={activity} /> : null}>
        <DurationsTable durations={durations} isOfOne />
      </Panel>
      <Panel title="Settings of the steps" aside={<span class="mono">{definition.fingerprint.slice(0, 12)}</span>}>
        <Scroll label="Settings of the steps">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Step</th>
                <th scope="col">Kind</th>
                <th scope="col">Command</th>
                <th scope="col" class="number">
                  Timeout
                </th>
                <th scope="col" class="number">
                  Attempts
                </th>
                <th scope="col">Rejections</th>
                <th scope="col">Undone by</th>
              </tr>
            </thead>
            <tbody>
              {definition.steps.map((step) => (
                <StepRow key={step.name} step={step} />
              ))}
            </tbody>
          </table>
        </Scroll>
      </Panel>
    </>
  );
}

function StepRow({ step }: { readonly step: DefinitionStepView }) {
  const { name, kind, conditional, action, compensation, code } = step;
  return (
    <tr>
      <td class="mono">{name}</td>
      <td>
        {kind}
        {conditional ? <span class="muted under">conditional</span> : null}
      </td>
      <td class="mono">{action?.command ?? (code === undefined ? '' : `else ${code}`)}</td>
      <td class="number">{action ? duration(action.timeoutMs) : ''}</td>
      <td class="number">{action ? action.retry.attempts : ''}</td>
      <td class="words mono">{action?.rejections.join(' ')}</td>
      <td class="mono">{compensation?.command ?? ''}</td>
    </tr>
  );
}
