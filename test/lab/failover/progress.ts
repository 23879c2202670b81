import { query } from '../kit/installation.js';

/** Where an installation's sagas are at the moment: after a failover somewhere else. */
export interface Place {
  readonly url: string;
  readonly namespace: string;
}

/**
 * When answers of participants were written down by a daemon, oldest first; milliseconds since 1970 by the database's clock. Nothing stands
 * for progress better: a command was sent, handled, answered, and the answer is stored.
 */
export async function answersSince({ url, namespace }: Place, since: number): Promise<readonly number[]> {
  const rows = await query<{ at: string }>(
    url,
    `select extract(epoch from at) * 1000 as at from ${namespace}.saga_history where event = 'replied' and at > to_timestamp($1) order by at`,
    [since / 1_000],
  );
  return rows.map(({ at }) => Number(at));
}

/** Milliseconds from each moment to the first answer that is stored after it. A moment that none follows has none. */
export function firstAfter(answers: readonly number[], moments: readonly number[]): readonly number[] {
  return moments.flatMap((moment) => {
    const first = answers.find((at) => at > moment);
    return first === undefined ? [] : [first - moment];
  });
}

/** The longest time without an answer between two moments. */
export function longestGap(answers: readonly number[], from: number, to: number): number {
  const inside = [from, ...answers.filter((at) => at > from && at < to), to];
  return Math.max(...inside.slice(1).map((at, i) => at - inside[i]!));
}

/** Answers per second, in steps of so many milliseconds from the first moment on: for plots; x in seconds. */
export function rates(answers: readonly number[], from: number, to: number, stepMs = 250): readonly (readonly [number, number])[] {
  const counts = Array.from({ length: Math.max(1, Math.ceil((to - from) / stepMs)) }, () => 0);
  for (const at of answers) {
    const step = Math.floor((at - from) / stepMs);
    if (step >= 0 && step < counts.length) counts[step]!++;
  }
  return counts.map((count, i) => [(i * stepMs) / 1_000, (count * 1_000) / stepMs] as const);
}

/** Of the sagas that were under way at a moment: milliseconds from it until something happened to them next. */
export async function nextEvents({ url, namespace }: Place, moment: number): Promise<readonly number[]> {
  const rows = await query<{ ms: string | null }>(
    url,
    `select extract(epoch from min(h.at)) * 1000 - $1::float8 as ms
     from (${bothTables(namespace)}) s join ${namespace}.saga_history h on h.saga_id = s.id and h.at > to_timestamp($2)
     where s.started_at <= to_timestamp($2) and (s.ended_at is null or s.ended_at > to_timestamp($2)) group by s.id`,
    [moment, moment / 1_000],
  );
  return rows.map(({ ms }) => Number(ms));
}

/**
 * Of the effects between two moments: milliseconds from the effect, which was committed with its answer, until that answer was stored by a
 * daemon. Compensations and repeated attempts included.
 */
export async function answerTimes(
  place: Place,
  participants: readonly string[],
  from: number,
  to: number,
  ledgerUrl = place.url,
): Promise<readonly number[]> {
  if (ledgerUrl !== place.url) throw new Error('ledgers in another database cannot be joined');
  const rows = await query<{ ms: string }>(
    place.url,
    `select extract(epoch from (h.at - l.at)) * 1000 as ms from (${ledgers(participants)}) l
     join lateral (
       select min(at) as at from ${place.namespace}.saga_history h where h.saga_id = l.saga_id::uuid and h.step = l.step
         and h.event = 'replied' and h.data ->> 'phase' = case l.direction when 'action' then 'a' else 'c' end and h.at >= l.at
     ) h on h.at is not null
     where l.at between to_timestamp($1) and to_timestamp($2)`,
    [from / 1_000, to / 1_000],
  );
  return rows.map(({ ms }) => Number(ms));
}

/** How many sagas are under way. */
export async function underWay({ url, namespace }: Place): Promise<number> {
  const [row] = await query<{ n: string }>(url, `select count(*) as n from ${namespace}.saga where ended_at is null`);
  return Number(row!.n);
}

/** Ids of the sagas that were under way at a moment, with when they ended (`null`: not yet). */
export async function underWayAt({ url, namespace }: Place, moment: number): Promise<ReadonlyMap<string, number | null>> {
  const rows = await query<{ id: string; ended: string | null }>(
    url,
    `select id, extract(epoch from ended_at) * 1000 as ended from (${bothTables(namespace)}) s
     where started_at <= to_timestamp($1) and (ended_at is null or ended_at > to_timestamp($1))`,
    [moment / 1_000],
  );
  return new Map(rows.map(({ id, ended }) => [id, ended === null ? null : Number(ended)]));
}

/** How often each event happened after a moment: `resent`, `timed-out`, … */
export async function eventCounts(
  { url, namespace }: Place,
  since: number,
  ids?: readonly string[],
): Promise<Readonly<Record<string, number>>> {
  const rows = await query<{ event: string; n: string }>(
    url,
    `select event, count(*) as n from ${namespace}.saga_history where at > to_timestamp($1) and ($2::uuid[] is null or saga_id = any ($2::uuid[]))
     group by event`,
    [since / 1_000, ids ?? null],
  );
  return Object.fromEntries(rows.map(({ event, n }) => [event, Number(n)]));
}

/** Dead letters, by reason. */
export async function deadLetters({ url, namespace }: Place): Promise<Readonly<Record<string, number>>> {
  const rows = await query<{ reason: string; n: string }>(
    url,
    `select reason, count(*) as n from ${namespace}.dead_letter group by reason`,
  );
  return Object.fromEntries(rows.map(({ reason, n }) => [reason, Number(n)]));
}

/** When effects were committed, oldest first. */
export async function effectsSince(url: string, participants: readonly string[], since: number): Promise<readonly number[]> {
  const rows = await query<{ at: string }>(
    url,
    `select extract(epoch from at) * 1000 as at from (${ledgers(participants)}) l where at > to_timestamp($1) order by at`,
    [since / 1_000],
  );
  return rows.map(({ at }) => Number(at));
}

/** The histories of the sagas that ended last, or have not ended, for people who wonder what they waited for. */
export async function lastSagas({ url, namespace }: Place, count = 5): Promise<string> {
  const rows = await query<{ line: string }>(
    url,
    `select concat_ws(' ', s.id, to_char(h.at, 'HH24:MI:SS.MS'), h.event, h.step, h.data::text) as line
     from (select * from (${bothTables(namespace)}) b order by ended_at desc nulls first limit $1) s
     join ${namespace}.saga_history h on h.saga_id = s.id order by s.ended_at desc nulls first, s.id, h.seq`,
    [count],
  );
  return rows.map(({ line }) => `${line}\n`).join('');
}

const bothTables = (namespace: string) =>
  `select id, started_at, ended_at from ${namespace}.saga union all select id, started_at, ended_at from ${namespace}.finished_saga`;

const ledgers = (participants: readonly string[]) =>
  participants.map((name) => `select saga_id, step, direction, at from ${schemaOf(name)}.ledger`).join(' union all ');

/** As `backstep participants` names them. */
const schemaOf = (participant: string) => participant.replaceAll('-', '_').toLowerCase();
