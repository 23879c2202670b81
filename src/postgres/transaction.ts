import type { Duplex } from 'node:stream';
import type pg from 'pg';
import { pass, type CrashPoint } from '../core/crash-points.js';
import { BatchError, judge } from './fate.js';

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
const BEGIN =
  'begin isolation level read committed; set local enable_seqscan = off; set local enable_hashjoin = off; ' +
  'set local enable_mergejoin = off; set local plan_cache_mode = force_generic_plan';

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

/**
 * A transaction of one statement in one round trip; `undefined` where the client cannot send before it was answered. It begins one all the
 * same, for the settings that its plan needs.
 */
export async function transactAtOnce(pool: pg.Pool, only: pg.QueryConfig): Promise<Transacted<undefined> | undefined> {
  return onClient(pool, async (client) => {
    if (!client.pipeline) return { transacted: undefined, isBroken: false };
    const [begun, written, committed] = inOneWrite(client, () =>
      [BEGIN, only, 'commit'].map((query) => settled(client.query(query as pg.QueryConfig))),
    ) as [Promise<Settled>, Promise<Settled>, Promise<Settled>];
    pass('store.commit-sent');
    return ending(client, { begun: await begun, written: await written, committed: await committed }, undefined);
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
    const [begun, opened] = await together(client, BEGIN, opening, ['store.begin-sent', 'store.lock-sent']);
    if (begun.status === 'rejected') throw begun.reason;
    if (opened.status === 'rejected') throw opened.reason;
    closing = await work(opened.value, (query) => client.query(query));
  } catch (error: unknown) {
    return rolledBack(client, error);
  }
  return close(client, closing);
}

async function close<T>(client: pg.PoolClient, { last, value }: Closing<T>): Promise<Run<T>> {
  const [written, committed] = last
    ? await together(client, last, 'commit', ['store.write-sent', 'store.commit-sent'])
    : [undefined, await settled(client.query('commit'))];
  return ending(client, { written, committed }, value);
}

async function ending<T>(
  client: pg.PoolClient,
  { begun, written, committed }: { readonly begun?: Settled; readonly written: Settled | undefined; readonly committed: Settled },
  value: T,
): Promise<Run<T>> {
  // A statement outside of a transaction stands by itself: nobody knows whether it did.
  if (begun?.status === 'rejected') return { transacted: { fate: 'unknown', error: begun.reason }, isBroken: true };
  if (written?.status === 'rejected') {
    // The commit, if it was sent, has committed nothing: it came after an error. But without an answer to the statement nobody knows.
    if (committed.status === 'rejected' && client.pipeline)
      return { transacted: { fate: 'unknown', error: written.reason }, isBroken: true };
    return rolledBack(client, written.reason);
  }
  if (committed.status === 'rejected') return { transacted: { fate: 'unknown', error: committed.reason }, isBroken: true };
  if (committed.value.command !== 'COMMIT') return rolledBack(client, new Error('PostgreSQL rolled the transaction back'));
  return { transacted: { fate: 'committed', value }, isBroken: false };
}

async function rolledBack<T>(client: pg.PoolClient, error: unknown): Promise<Run<T>> {
  const verdict = error instanceof BatchError ? { blame: error.blame, isBroken: false } : judge(error);
  const cause = error instanceof BatchError ? error.cause : error;
  const isRolledBack = !verdict.isBroken && (await settled(client.query('rollback'))).status === 'fulfilled';
  return { transacted: { fate: 'failed', blame: verdict.blame, error: cause }, isBroken: !isRolledBack };
}

type Settled = PromiseSettledResult<pg.QueryResult>;

/** Two statements in one round trip where the client can; else the second only after the first has succeeded. */
async function together(
  client: pg.PoolClient,
  first: string | pg.QueryConfig,
  second: string | pg.QueryConfig,
  [firstSent, secondSent]: readonly [CrashPoint, CrashPoint],
): Promise<readonly [Settled, Settled]> {
  const before = settled(client.query(first));
  pass(firstSent);
  if (!client.pipeline && (await before).status === 'rejected') return [await before, await before];
  const after = settled(client.query(second));
  pass(secondSent);
  return Promise.all([before, after]);
}

/** What is sent meanwhile goes to the system at once: each write costs as much as half of a small statement. */
function inOneWrite<R>(client: pg.PoolClient, send: () => R): R {
  // Not part of the library's types: without it everything works, only slower.
  const { connection } = client as pg.PoolClient & { readonly connection?: { readonly stream?: Duplex } };
  connection?.stream?.cork?.();
  try {
    return send();
  } finally {
    connection?.stream?.uncork?.();
  }
}

async function settled(result: Promise<pg.QueryResult>): Promise<Settled> {
  try {
    return { status: 'fulfilled', value: await result };
  } catch (reason: unknown) {
    return { status: 'rejected', reason };
  }
}
