import type pg from 'pg';
import { pass } from '../core/crash-points.js';
import { BatchError, judge, mayHaveCommitted } from './fate.js';
import { canPipe, piped, type Piped, type Prepared } from './piped.js';

export type Query = (query: pg.QueryConfig) => Promise<pg.QueryResult>;
/** What the work of a transaction ends with: its last statement, which is sent together with the commit, and the result. */
export interface Closing<T> {
  readonly last: pg.QueryConfig | undefined;
  readonly value: T;
}
export type Transacted<T> =
  | { readonly fate: 'committed'; readonly value: T }
  | { readonly fate: 'failed'; readonly blame: 'row' | 'database'; readonly error: unknown }
  | { readonly fate: 'unknown'; readonly error: unknown };

// Statements of the hot path are few and known: they look rows up by id. Their plans must not depend on how large a table was when a
// connection planned them, and planning anew each time costs more than running them.
const PLANNING = { enable_seqscan: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off', plan_cache_mode: 'force_generic_plan' };
const BEGIN = 'begin isolation level read committed';
const BEGIN_PLANNING = [BEGIN, ...Object.entries(PLANNING).map(([name, value]) => `set local ${name} = ${value}`)].join('; ');
const setLocally = Object.entries(PLANNING).map(([name, value]) => `set_config('${name}', '${value}', true)`);
const begin: readonly Prepared[] = [
  { name: 'backstep_begin', text: BEGIN },
  { name: 'backstep_planning', text: `select ${setLocally.join(', ')}` },
];
const commit: readonly Prepared[] = [{ name: 'backstep_commit', text: 'commit' }];

/**
 * One transaction in two round trips when `work` queries nothing: begin with the opening statement, the last statement with the commit.
 * A client in an unknown state is destroyed.
 */
export async function transact<T>(
  pool: pg.Pool,
  opening: pg.QueryConfig,
  work: (opened: pg.QueryResult, query: Query) => Promise<Closing<T>>,
): Promise<Transacted<T>> {
  return onClient(pool, (client) => run(client, opening, work));
}

/** When a client was last known to be well, on the clock of this process. */
const wellAt = new WeakMap<pg.PoolClient, number>();

/**
 * A transaction of one statement in one round trip; `undefined` where the client cannot send before it was answered, or was not in use within
 * the last `provenMs` (default: that does not matter). It begins one all the same, for the settings that its plan needs.
 */
export async function transactAtOnce(
  pool: pg.Pool,
  only: pg.QueryConfig,
  { provenMs = Infinity }: { readonly provenMs?: number } = {},
): Promise<Transacted<undefined> | undefined> {
  return onClient(pool, async (client) => {
    const idleMs = performance.now() - (wellAt.get(client) ?? -Infinity);
    if (!canPipe(client) || idleMs > provenMs) return { transacted: undefined, isBroken: false };
    const sent = settled(piped(client, only, { before: begin, after: commit }));
    pass('store.commit-sent');
    return ending(client, await sent, undefined);
  });
}

async function onClient<R>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<{ readonly transacted: R; readonly isBroken: boolean }>,
): Promise<R | Extract<Transacted<never>, { fate: 'failed' }>> {
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (error: unknown) {
    return { fate: 'failed', blame: 'database', error };
  }
  // A client that is checked out and loses its connection also emits; the query that meets it says it all.
  const ignore = (): void => {};
  client.on('error', ignore);
  let broken = true;
  try {
    const outcome = await work(client);
    broken = outcome.isBroken;
    if (!broken) wellAt.set(client, performance.now());
    return outcome.transacted;
  } finally {
    client.removeListener('error', ignore);
    client.release(broken);
  }
}

interface Run<T> {
  readonly transacted: Transacted<T>;
  readonly isBroken: boolean;
}

async function run<T>(
  client: pg.PoolClient,
  opening: pg.QueryConfig,
  work: (opened: pg.QueryResult, query: Query) => Promise<Closing<T>>,
): Promise<Run<T>> {
  let closing: Closing<T>;
  try {
    closing = await work(await begun(client, opening), (query) => client.query(query));
  } catch (error: unknown) {
    return rolledBack(client, error);
  }
  return close(client, closing);
}

/** Gives what the opening statement does. */
async function begun(client: pg.PoolClient, opening: pg.QueryConfig): Promise<pg.QueryResult> {
  if (!canPipe(client)) {
    await client.query(BEGIN_PLANNING);
    return client.query(opening);
  }
  const sent = settled(piped(client, opening, { before: begin, after: [] }));
  pass('store.lock-sent');
  const opened = await sent;
  if (opened.status === 'rejected') throw opened.reason;
  return opened.value.result;
}

async function close<T>(client: pg.PoolClient, { last, value }: Closing<T>): Promise<Run<T>> {
  if (last && canPipe(client)) {
    const sent = settled(piped(client, last, { before: [], after: commit }));
    pass('store.commit-sent');
    return ending(client, await sent, value);
  }
  try {
    if (last) await client.query(last);
  } catch (error: unknown) {
    return rolledBack(client, error);
  }
  const committed = await settled(client.query('commit').then((result) => ({ result, lastTag: result.command })));
  if (committed.status === 'rejected') return { transacted: { fate: 'unknown', error: committed.reason }, isBroken: true };
  return ending(client, committed, value);
}

async function ending<T>(client: pg.PoolClient, committed: PromiseSettledResult<Piped>, value: T): Promise<Run<T>> {
  if (committed.status === 'fulfilled') {
    if (committed.value.lastTag === 'COMMIT') return { transacted: { fate: 'committed', value }, isBroken: false };
    return rolledBack(client, new Error('PostgreSQL rolled the transaction back'));
  }
  const { reason } = committed;
  if (!mayHaveCommitted(reason)) return rolledBack(client, reason);
  return { transacted: { fate: 'unknown', error: reason }, isBroken: true };
}

async function rolledBack<T>(client: pg.PoolClient, error: unknown): Promise<Run<T>> {
  const verdict = error instanceof BatchError ? { blame: error.blame, isBroken: false } : judge(error);
  const cause = error instanceof BatchError ? error.cause : error;
  const isRolledBack = !verdict.isBroken && (await settled(client.query('rollback'))).status === 'fulfilled';
  return { transacted: { fate: 'failed', blame: verdict.blame, error: cause }, isBroken: !isRolledBack };
}

async function settled<T>(result: Promise<T>): Promise<PromiseSettledResult<T>> {
  try {
    return { status: 'fulfilled', value: await result };
  } catch (reason: unknown) {
    return { status: 'rejected', reason };
  }
}
