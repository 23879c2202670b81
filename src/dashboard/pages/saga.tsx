import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { whyBack } from '../../cli/words.js';
import { graphOf } from '../../graph/model.js';
import { api } from '../api/api.js';
import { useEvents } from '../api/events.js';
import { useLive } from '../api/live.js';
import { mayOperate } from '../api/me.js';
import type { DefinitionView, HistoryEntryView, SagaView } from '../api/views.js';
import { timelineOf } from '../model/bars.js';
import { GraphPicture } from '../parts/graph.js';
import { HistoryTable } from '../parts/history.js';
import { Icon } from '../parts/icon.js';
import { Copy, Json } from '../parts/json.js';
import { Awaited, Empty, Panel, Scroll } from '../parts/states.js';
import { Status } from '../parts/status.js';
import { Steps } from '../parts/steps.js';
import { Ago, Data, now, Took } from '../parts/text.js';
import { TimelineChart } from '../parts/timeline.js';
import { toDefinition, toSagas } from '../route.js';
import { StuckPanel } from './stuck.js';
import { VerbDialog, type Intent } from './verb-dialog.js';

/** While it runs; events of the server come sooner. */
const EVERY_MS = 2_000;
/** A saga that has ended may still get late answers. */
const ENDED_EVERY_MS = 30_000;
/** More than so many pages of history are not read at once. */
const MOST_PAGES = 10;

interface Shown {
  readonly saga: SagaView;
  readonly history: readonly HistoryEntryView[];
  readonly isCut: boolean;
  readonly etag: string;
}

/** One saga, live: where it is, what happened, and what can be done. */
export function SagaPage({ id }: { readonly id: string }) {
  const isOver = useSignal(false);
  const last = useRef<Shown | undefined>(undefined);
  const look = async (signal: AbortSignal) => (last.current = await load(id, last.current, signal));
  const live = useLive(`saga ${id}`, look, { everyMs: isOver.value ? ENDED_EVERY_MS : EVERY_MS });
  const definitions = useLive('definitions', api.definitions);
  const intent = useSignal<Intent | undefined>(undefined);
  const { data } = live;
  useEffect(() => {
    if (data) isOver.value = data.saga.endedAt !== null;
  }, [data?.saga.endedAt]);
  useEvents(id, !isOver.value, live.refresh);
  return (
    <>
      <Awaited live={live} rows={14}>
        {(shown) => (
          <>
            <Head saga={shown.saga} choose={(chosen) => (intent.value = chosen)} />
            <StuckPanel saga={shown.saga} choose={(chosen) => (intent.value = chosen)} />
            <Facts saga={shown.saga} />
            <Body shown={shown} definitions={definitions.data?.definitions} />
          </>
        )}
      </Awaited>
      {data && intent.value ? (
        <VerbDialog saga={data.saga} intent={intent.value} onClose={() => (intent.value = undefined)} onDone={live.refresh} />
      ) : null}
    </>
  );
}

/** Reads only what has changed since. */
async function load(id: string, before: Shown | undefined, signal: AbortSignal): Promise<Shown> {
  const found = await api.saga(id, before?.etag ?? '', signal);
  if (!found && before) return before;
  const { saga, etag } = found ?? (await api.saga(id, '', signal))!;
  const history: HistoryEntryView[] = [];
  let after: number | undefined = 0;
  for (let page = 0; after !== undefined && page < MOST_PAGES; page++) {
    const { entries, next } = await api.history(id, after, signal);
    history.push(...entries);
    after = next;
  }
  return { saga, history, isCut: after !== undefined, etag };
}

function Head({ saga, choose }: { readonly saga: SagaView; readonly choose: (intent: Intent) => void }) {
  return (
    <div class="page-head saga-head">
      <div class="saga-title">
        <p class="crumbs">
          <a href="/sagas">Sagas</a> <span aria-hidden="true">/</span>{' '}
          <a href={toSagas({ name: saga.name })}>
            <Data of={saga.name} />
          </a>
        </p>
        <h1>
          <Data of={saga.key ?? saga.name} /> <Status of={saga.status} large />
        </h1>
      </div>
      {mayOperate() && saga.verbs.length > 0 ? (
        <div class="verbs" role="group" aria-label="What can be done">
          {saga.verbs.map((verb) => (
            <button type="button" key={verb} class={`button ${verb === 'cancel' ? 'danger-quiet' : ''}`} onClick={() => choose({ verb })}>
              {{ cancel: 'Cancel …', suspend: 'Suspend …', resume: 'Resume …' }[verb]}
            </button>
          ))}
        </div>
      ) : null}
    </div>
  );
}

function Facts({ saga }: { readonly saga: SagaView }) {
  const tags = Object.entries(saga.tags);
  return (
    <section class="panel saga-facts" aria-label="Facts">
      <dl class="facts">
        <div>
          <dt>Definition</dt>
          <dd>
            <a href={toDefinition(saga.name, saga.version)}>
              <Data of={saga.name} /> v{saga.version}
            </a>
          </dd>
        </div>
        <div>
          <dt>Started</dt>
          <dd>
            <Ago at={saga.startedAt} />
          </dd>
        </div>
        <div>
          <dt>{saga.endedAt ? 'Took' : 'Runs for'}</dt>
          <dd>
            <Took from={saga.startedAt} to={saga.endedAt} />
          </dd>
        </div>
        {saga.deadline && saga.endedAt === null ? (
          <div>
            <dt>Deadline</dt>
            <dd>
              <Ago at={saga.deadline} />
            </dd>
          </div>
        ) : null}
        <div class="fact-long">
          <dt>Id</dt>
          <dd class="mono">
            {saga.id} <Copy text={saga.id} what="the id" />
          </dd>
        </div>
        <TraceFact trace={saga.trace} />
        {tags.length > 0 ? (
          <div class="fact-long">
            <dt>Tags</dt>
            <dd>
              {tags.map(([name, value]) => (
                <a class="tag" key={name} href={toSagas({ tag: `${name}=${value}` })}>
                  <Data of={`${name}=${value}`} />
                </a>
              ))}
            </dd>
          </div>
        ) : null}
      </dl>
      {saga.reason ? (
        <p class="notice tone-back">
          Turned back: <Data of={whyBack(saga.reason)} />.
        </p>
      ) : null}
      {saga.suspended ? (
        <p class="notice tone-held">
          Suspended by <Data of={saga.suspended.by} /> <Ago at={saga.suspended.at} />: <Data of={saga.suspended.reason} />
        </p>
      ) : null}
      {saga.pendingCancel ? (
        <p class="notice tone-back">
          A cancel by <Data of={saga.pendingCancel.by} /> waits for the pivot: <Data of={saga.pendingCancel.reason} />
        </p>
      ) : null}
      {saga.attention.map((one) => (
        <p class="notice tone-stuck-quiet" key={`${one.kind} ${one.step} ${one.at}`}>
          Attention, {one.kind.replace('-', ' ')}: <Data of={one.text} />
        </p>
      ))}
      {saga.definitionLoaded ? null : (
        <p class="notice tone-held">This server has not loaded the definition, so steps that were not reached are not shown.</p>
      )}
    </section>
  );
}

/** Only where there is something to look at. Whoever set the link up chose the address; here it is only made sure that it is one of the web. */
function TraceFact({ trace }: { readonly trace: SagaView['trace'] }) {
  if (!trace?.url || !/^https?:\/\//i.test(trace.url)) return null;
  return (
    <div class="fact-long">
      <dt>Trace</dt>
      <dd class="mono">
        <a href={trace.url} target="_blank" rel="noopener noreferrer" class="outside">
          {trace.id} <Icon name="open" size={12} />
        </a>
      </dd>
    </div>
  );
}

function Body({ shown, definitions }: { readonly shown: Shown; readonly definitions: readonly DefinitionView[] | undefined }) {
  const { saga, history, isCut } = shown;
  const opened = useSignal<ReadonlySet<string>>(new Set());
  const definition = definitions?.find(({ name, version }) => name === saga.name && version === saga.version);
  useEffect(() => {
    const onHash = () => {
      const name = decodeURIComponent(location.hash.replace(/^#step-/, ''));
      if (saga.steps.some((step) => step.name === name)) opened.value = new Set([...opened.value, name]);
    };
    onHash();
    addEventListener('hashchange', onHash);
    return () => removeEventListener('hashchange', onHash);
  }, [saga.id]);
  return (
    <>
      {definition ? (
        <Panel title="Steps and what undoes them">
          <Scroll label="Graph of the steps">
            <GraphPicture graph={graphOf(definition, saga)} toStep={(name) => `#step-${encodeURIComponent(name)}`} />
          </Scroll>
        </Panel>
      ) : null}
      <Panel title="Timeline">
        {history.length === 0 ? (
          <Empty icon="dot" title="Nothing is written down yet" />
        ) : (
          <TimelineChart
            timeline={timelineOf(saga, history, saga.endedAt === null ? Math.max(now.value, Date.parse(history.at(-1)!.at)) : 0)}
          />
        )}
      </Panel>
      <Panel title="Requests and replies">
        <Steps steps={saga.steps} open={opened.value} />
        <div class="step-json input">
          <Json value={saga.input} label="Input of the saga" />
        </div>
      </Panel>
      <Panel
        title="History"
        aside={
          <span>
            {history.length}
            {isCut ? ' and more' : ''} entries
          </span>
        }
      >
        <HistoryTable history={history} />
      </Panel>
    </>
  );
}
