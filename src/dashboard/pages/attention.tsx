import { useSignal } from '@preact/signals';
import { api } from '../api/api.js';
import { useLive, type Live } from '../api/live.js';
import { mayOperate } from '../api/me.js';
import type { FailureGroup, OverviewView } from '../api/views.js';
import { counted } from '../model/words.js';
import { Icon } from '../parts/icon.js';
import { Failed, Loading } from '../parts/states.js';
import { Ago, Data } from '../parts/text.js';
import { toSaga, toSagas } from '../route.js';
import { BulkDialog } from './bulk.js';

const EVERY_MS = 5_000;
/** As many letters as are worth counting here; more are `99+`. */
const LETTERS = 100;

/** What needs a person: stuck sagas by what went wrong, dead letters, suspended ones, and a server that lacks something. */
export function Attention({ overview }: { readonly overview: Live<OverviewView> }) {
  const failures = useLive('failures', (signal) => api.failures({}, signal), { everyMs: EVERY_MS });
  const letters = useLive('letters', (signal) => api.deadLetters({ limit: LETTERS }, signal), { everyMs: EVERY_MS });
  const problems = useLive('problems', api.problems, { everyMs: EVERY_MS });
  const chosen = useSignal<FailureGroup | undefined>(undefined);
  const { data } = overview;
  if (!data) return overview.error ? <Failed error={overview.error} retry={overview.refresh} /> : <Loading rows={2} />;
  const sum = (status: 'stuck' | 'suspended') => data.definitions.reduce((all, one) => all + one[status], 0);
  const lettersThere = letters.data?.deadLetters.length ?? 0;
  const groups = failures.data?.groups ?? [];
  const isCalm = sum('stuck') === 0 && lettersThere === 0 && sum('suspended') === 0 && (problems.data ?? []).length === 0;
  return (
    <section class={`attention ${isCalm ? 'calm' : ''}`} aria-label="What needs a person">
      <ul class="tallies">
        <Tally icon="alert" tone="stuck" value={sum('stuck')} name="stuck" href={toSagas({ status: 'stuck' })} />
        {letters.data ? (
          <Tally
            icon="letter"
            tone="bad"
            value={lettersThere}
            most={LETTERS}
            name={lettersThere === 1 ? 'dead letter' : 'dead letters'}
            href="/dead-letters"
          />
        ) : null}
        <Tally icon="pause" tone="held" value={sum('suspended')} name="suspended" href={toSagas({ status: 'suspended' })} />
        {isCalm ? (
          <li class="all-well">
            <Icon name="check" /> Nothing needs you
          </li>
        ) : null}
      </ul>
      {(problems.data ?? []).map((problem) => (
        <p class="trouble" role="alert" key={problem}>
          <Icon name="alert" /> {problem}
        </p>
      ))}
      {groups.length > 0 ? (
        <ul class="groups">
          {groups.slice(0, 5).map((group) => (
            <Group key={group.id} group={group} act={() => (chosen.value = group)} />
          ))}
        </ul>
      ) : (
        <StuckOnes stuck={data.stuck.slice(0, 5)} />
      )}
      {chosen.value ? (
        <BulkDialog
          filter={chosen.value.filter}
          words={`Stuck sagas of ${chosen.value.name} at ${chosen.value.step}: ${chosen.value.message}`}
          first="retry"
          onClose={() => {
            chosen.value = undefined;
            failures.refresh();
          }}
        />
      ) : null}
    </section>
  );
}

function Tally(props: {
  readonly icon: 'alert' | 'letter' | 'pause';
  readonly tone: string;
  readonly value: number;
  readonly most?: number;
  readonly name: string;
  readonly href: string;
}) {
  const { icon, tone, value, most = Infinity, name, href } = props;
  return (
    <li>
      <a class={`tally ${value > 0 ? `tone-${tone}` : 'tone-idle'}`} href={href}>
        <Icon name={icon} />
        <b>{value >= most ? `${most - 1}+` : value.toLocaleString('en')}</b> {name}
      </a>
    </li>
  );
}

function Group({ group, act }: { readonly group: FailureGroup; readonly act: () => void }) {
  const where = `${group.step}${group.phase === 'action' ? '' : `'s ${group.phase}`}`;
  return (
    <li>
      <a href={toSagas({ status: 'stuck', name: group.name, step: group.step, ...(group.code ? { error: group.code } : {}) })}>
        <b class="tone-text-stuck">{counted(group.count, 'saga')}</b> <Data of={group.name} /> at <Data of={where} class="mono" />
      </a>
      <span class="group-message">
        {group.code ? <Data of={group.code} class="mono" /> : null} <Data of={group.message} />
      </span>
      <span class="muted">
        oldest <Ago at={group.oldestAt} />
      </span>
      {mayOperate() ? (
        <button type="button" class="button" aria-label={`Act on these ${group.count} at ${where}`} onClick={act}>
          Act …
        </button>
      ) : null}
    </li>
  );
}

function StuckOnes({ stuck }: { readonly stuck: OverviewView['stuck'] }) {
  if (stuck.length === 0) return null;
  return (
    <ul class="groups">
      {stuck.map((saga) => (
        <li key={saga.id}>
          <a href={toSaga(saga.id)}>
            <Data of={saga.name} /> <Data of={saga.key ?? saga.id} />
          </a>
          <span class="group-message">
            <Data of={saga.stuck.map(({ sentence }) => sentence).join(' ')} />
          </span>
          <span class="muted">
            <Ago at={saga.startedAt} />
          </span>
        </li>
      ))}
    </ul>
  );
}
