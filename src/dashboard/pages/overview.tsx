import { api } from '../api/api.js';
import { useLive } from '../api/live.js';
import type { ActivityView, OverviewView } from '../api/views.js';
import { count, counted } from '../model/words.js';
import { DurationsTable } from '../parts/durations-table.js';
import { isInFlight, OpenCounts } from '../parts/open-counts.js';
import { ParticipantsTable } from '../parts/participants-table.js';
import { MinutePlot } from '../parts/plot.js';
import { SagasTable } from '../parts/sagas-table.js';
import { Awaited, Empty, Loading, Panel, Scroll } from '../parts/states.js';
import { WhoseHour } from '../parts/whose-hour.js';
import { Data } from '../parts/text.js';
import { toDefinition, toSagas } from '../route.js';
import { Attention } from './attention.js';

const EVERY_MS = 2_000;

/** How everything is: what needs a person first. */
export function OverviewPage() {
  const overview = useLive('overview', (signal) => api.overview({ limit: 8 }, signal), { everyMs: EVERY_MS });
  const activity = useLive('activity', api.activity, { everyMs: EVERY_MS });
  const participants = useLive('participants', api.participants, { everyMs: 5_000 });
  const figures = useLive('figures', api.figures, { everyMs: 10_000 });
  return (
    <>
      <div class="page-head">
        <h1>Overview</h1>
        <Totals overview={overview.data} daemons={participants.data?.daemons} />
      </div>
      <Attention overview={overview} />
      <Rates activity={activity.data ?? undefined} isLoading={activity.data === undefined && !activity.error} />
      <div class="columns">
        <Panel title="In flight">
          <Awaited live={overview} rows={5}>
            {(data) => <InFlight overview={data} steps={activity.data?.steps} />}
          </Awaited>
        </Panel>
        <Panel title="How long they took" aside={activity.data ? <WhoseHour of={activity.data} /> : null}>
          <Awaited live={activity} rows={5}>
            {(data) => (data ? <DurationsTable durations={data.durations} /> : <Unknown />)}
          </Awaited>
        </Panel>
      </div>
      <div class="columns">
        <Panel title="Oldest under way" aside={<a href={toSagas({ status: 'running' })}>all running</a>}>
          <Awaited live={overview} rows={6}>
            {({ oldest }) =>
              oldest.length === 0 ? (
                <Empty title="Nothing is under way" />
              ) : (
                <Scroll label="Oldest under way">
                  <SagasTable sagas={oldest} label="The oldest sagas under way" />
                </Scroll>
              )
            }
          </Awaited>
        </Panel>
        <Panel title="Participants" aside={<a href="/participants">details</a>}>
          <Awaited live={participants} rows={6}>
            {(data) =>
              data ? <ParticipantsTable participants={data.participants} figures={figures.data ?? undefined} short /> : <Unknown />
            }
          </Awaited>
        </Panel>
      </div>
    </>
  );
}

function Unknown() {
  return <Empty icon="question" title="This server does not tell" />;
}

function Totals({ overview, daemons }: { readonly overview: OverviewView | undefined; readonly daemons: number | undefined }) {
  const sum = (status: 'running' | 'compensating') => overview?.definitions.reduce((all, one) => all + one[status], 0) ?? 0;
  if (!overview) return <p class="totals muted">…</p>;
  return (
    <p class="totals">
      <a href={toSagas({ status: 'running' })}>
        <b>{count(sum('running'))}</b> running
      </a>
      <a href={toSagas({ status: 'compensating' })}>
        <b>{count(sum('compensating'))}</b> compensating
      </a>
      {daemons === undefined ? null : (
        <span>
          <b>{count(daemons)}</b> {daemons === 1 ? 'daemon' : 'daemons'} alive
        </span>
      )}
    </p>
  );
}

function Rates({ activity, isLoading }: { readonly activity: ActivityView | undefined; readonly isLoading: boolean }) {
  if (!activity)
    return isLoading ? (
      <div class="plots">
        <Loading rows={3} />
      </div>
    ) : null;
  const of = (what: 'started' | 'completed' | 'compensated') => activity.minutes.map((minute) => ({ at: minute.at, value: minute[what] }));
  return (
    <section class="plots" aria-label={activity.of === 'daemon' ? 'Rates of this daemon' : 'Rates'}>
      <MinutePlot label="Started" tone="busy" points={of('started')} />
      <MinutePlot label="Completed" tone="good" points={of('completed')} />
      <MinutePlot label="Compensated" tone="back" points={of('compensated')} />
    </section>
  );
}

function InFlight({ overview, steps }: { readonly overview: OverviewView; readonly steps: ActivityView['steps'] | undefined }) {
  const shown = overview.definitions.filter((one) => one.loaded || isInFlight(one));
  if (shown.length === 0) return <Empty title="No definition is loaded, and nothing is in flight" />;
  return (
    <>
      {shown.map((one) => {
        const places = steps?.counts.filter(({ name, version }) => name === one.name && version === one.version) ?? [];
        const most = Math.max(1, ...places.map((place) => place.count));
        return (
          <div class="flight" key={`${one.name}@${one.version}`}>
            <div class="flight-head">
              <a href={toDefinition(one.name, one.version)}>
                <Data of={one.name} /> <span class="muted">v{one.version}</span>
              </a>
              <OpenCounts of={one} />
            </div>
            {places.map(({ step, count: here }) => (
              <div class="flight-step" key={step}>
                <Data of={step} class="mono" />
                <svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={Math.max(1, (here / most) * 100)} height="6" rx="1" />
                </svg>
                <span class="number">{count(here)}</span>
              </div>
            ))}
          </div>
        );
      })}
      {steps && !steps.isAll ? <p class="note muted">Steps: of the newest {counted(steps.sagas, 'open saga')}.</p> : null}
    </>
  );
}
