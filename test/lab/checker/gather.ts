import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import amqp from 'amqplib';
import pg from 'pg';
import { Api, type SagaShown, type SagaSummary } from '../kit/api.js';
import type { BankLine, ClientLine, DecisionLine, Manifest, NemesisLine, ResourceLine, TailLine } from '../kit/evidence.js';
import { readLines } from '../kit/files.js';
import { readCanaries } from '../kit/canaries.js';
import { useToken } from '../kit/http.js';
import type { LedgerRow } from '../kit/ledger.js';
import { forAll } from '../kit/waiting.js';
import { lookForSecrets } from './search.js';
import type { AccountRow, AuditFound, Details, InboxRow, LogLine, QueueCount, Run, StoreFacts } from './run.js';

export interface GatherOptions {
  /** Histories that are read at most; above that a sample. Default 20,000. */
  readonly histories?: number;
  /** Sagas that are looked at with all their steps (V10) at most. Default 2,000. */
  readonly shown?: number;
  /** Unacknowledged messages by queue, where somebody can tell: `unackedBy(servers.rabbitmq)`. */
  readonly unacked?: () => Promise<Readonly<Record<string, number>>>;
  /** Told what is being done. */
  readonly tell?: (text: string) => void;
}
const AT_A_TIME = 8;

/** Waits until everything has ended (as long as the manifest allows), then reads all there is. */
export async function gather(directory: string, options: GatherOptions = {}): Promise<Run> {
  const manifest = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8')) as Manifest;
  const planted = readCanaries(directory);
  if (planted) useToken(planted.token);
  const api = new Api(manifest.api);
  const { tell = () => {} } = options;
  await untilEnded(directory, manifest, api, tell);
  const queues = await untilDrained(manifest, options);
  const sagas = await api.sagas();
  tell(`${sagas.length} sagas; reading ledgers and histories`);
  const [definitions, ledger, inbox, accounts, store, audit] = await Promise.all([
    api.definitions(),
    readLedgers(manifest),
    readInboxes(manifest),
    readAccounts(manifest),
    manifest.storeUrl === undefined ? undefined : readStore(manifest),
    manifest.storeUrl === undefined ? undefined : readAudit(manifest),
  ]);
  const details = await readDetails(api, sagas, options);
  return {
    manifest,
    client: readLines<ClientLine>(join(directory, 'client.jsonl')),
    nemesis: readLines<NemesisLine>(join(directory, 'nemesis.jsonl')),
    sagas,
    definitions,
    ledger,
    inbox,
    details,
    accounts,
    bank: readLines<BankLine>(join(directory, 'bank.jsonl')),
    queues,
    store,
    audit,
    decisions: readLines<DecisionLine>(join(directory, 'decisions.jsonl')),
    secrets: planted && (await lookForSecrets(directory, planted.canaries, { api: manifest.api, audit })),
    logs: readLogs(directory),
    resources: readLines<ResourceLine>(join(directory, 'resources.jsonl')),
    tail: readLines<TailLine>(join(directory, 'tail.jsonl')),
  };
}

/** What has not ended and was not scripted to be stuck. */
async function openSagas(api: Api, { expectedStuck }: Manifest): Promise<SagaSummary[]> {
  const open = await api.sagas({ status: ['running', 'compensating', 'suspended', 'stuck'] });
  const stuck = new Set(expectedStuck);
  return open.filter(({ status, tags, key }) => !(status === 'stuck' && stuck.has(tags['start'] ?? key ?? '')));
}

async function untilEnded(directory: string, manifest: Manifest, api: Api, tell: (text: string) => void): Promise<void> {
  const began = Date.now();
  const giveUpAt = (manifest.healedAt === undefined ? began : Date.parse(manifest.healedAt)) + manifest.endWithinMs;
  let told = Date.now();
  for (;;) {
    const open = await openSagas(api, manifest);
    if (open.length === 0) return;
    if (Date.now() > giveUpAt) {
      tell(`${open.length} sagas have not ended in time; what is known of them is in ${join(directory, 'stuck.json')}`);
      return dump(directory, manifest, api, open);
    }
    if (Date.now() - told > 5_000) {
      told = Date.now();
      tell(`${open.length} sagas have not ended yet`);
    }
    await delay(open.length > 500 ? 1_000 : 200);
  }
}

/** Everything that helps to see why something does not end. */
async function dump(directory: string, manifest: Manifest, api: Api, open: readonly SagaSummary[]): Promise<void> {
  const sagas = await forAll(open.slice(0, 50), AT_A_TIME, async ({ id }) => ({
    saga: await api.show(id),
    history: await api.history(id),
  }));
  const queues = await queueCounts(manifest).catch((error: unknown) => String(error));
  const activity = await rowsOf(
    manifest.storeUrl ?? manifest.ledgerUrl,
    `select pid, application_name, state, wait_event_type, wait_event, now() - xact_start as open_for, left(query, 200) as query
     from pg_stat_activity where datname = current_database()`,
  ).catch((error: unknown) => String(error));
  writeFileSync(join(directory, 'stuck.json'), `${JSON.stringify({ open: open.length, queues, activity, sagas }, undefined, 2)}\n`);
}

/** Copies of commands may still be on their way when everything has ended. */
async function untilDrained(manifest: Manifest, { unacked }: GatherOptions): Promise<readonly QueueCount[]> {
  const giveUpAt = Date.now() + 15_000;
  for (;;) {
    const counts = await queueCounts(manifest);
    const pending = unacked === undefined ? {} : await unacked();
    const queues = counts.map((each) => (each.queue in pending ? { ...each, unacked: pending[each.queue]! } : each));
    const isDrained = queues.every(({ ready, unacked: open = 0 }) => ready + open === 0);
    if (isDrained || Date.now() > giveUpAt) return queues;
    await delay(250);
  }
}

async function queueCounts({ brokerUrl, queues, perhapsQueues = [], deadLetterQueue }: Manifest): Promise<QueueCount[]> {
  const connection = await amqp.connect(brokerUrl.split(',')[0]!.trim(), { timeout: 10_000 });
  connection.on('error', () => {});
  const counts: QueueCount[] = [];
  try {
    for (const queue of [...queues, ...perhapsQueues, deadLetterQueue]) {
      // A queue that is not there closes the channel.
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      try {
        counts.push({ queue, ready: (await channel.checkQueue(queue)).messageCount });
        await channel.close();
      } catch {
        // V13 says that it is not there.
      }
    }
  } finally {
    await connection.close().catch(() => undefined);
  }
  return counts;
}

/** For `GatherOptions.unacked`, of a private broker. */
export function unackedBy(rabbit: { ctl(...args: string[]): Promise<string> }): () => Promise<Record<string, number>> {
  return async () => {
    const lines = (await rabbit.ctl('-q', 'list_queues', '--no-table-headers', 'name', 'messages_unacknowledged')).trim().split('\n');
    return Object.fromEntries(lines.filter(Boolean).map((line) => [line.split('\t')[0]!, Number(line.split('\t')[1])]));
  };
}

async function rowsOf<R extends pg.QueryResultRow>(url: string, sql: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<R>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A participant's schema is its name with underscores (docs/participants.md). */
const schemaOf = (participant: string) => `"${participant.replaceAll('-', '_')}"`;
async function present(url: string, participants: readonly string[], table: string): Promise<readonly string[]> {
  const found = await rowsOf<{ schema: string }>(url, `select schemaname as schema from pg_tables where tablename = '${table}'`);
  const schemas = new Set(found.map(({ schema }) => `"${schema}"`));
  return participants.filter((participant) => schemas.has(schemaOf(participant)));
}

async function readLedgers({ ledgerUrl, participants }: Manifest): Promise<LedgerRow[]> {
  const kept = await present(ledgerUrl, participants, 'ledger');
  const missing = participants.filter((each) => !kept.includes(each));
  if (missing.length > 0) throw new Error(`no ledger in ${ledgerUrl} for ${missing.join(', ')}`);
  const all = await forAll(kept, 2, async (participant) => {
    const rows = await rowsOf<Omit<LedgerRow, 'participant'>>(
      ledgerUrl,
      `select seq::float8, (extract(epoch from at) * 1000)::float8 as at, saga_id as "sagaId", step, direction, command_id as "commandId",
              action_id as "actionId", attempt, account, amount::float8
       from ${schemaOf(participant)}.ledger order by seq`,
    );
    return rows.map((row): LedgerRow => ({ ...row, participant }));
  });
  return all.flat();
}

async function readInboxes({ ledgerUrl, participants }: Manifest): Promise<InboxRow[]> {
  const all = await forAll(await present(ledgerUrl, participants, 'backstep_inbox'), 2, async (participant) => {
    const rows = await rowsOf<Omit<InboxRow, 'participant'>>(
      ledgerUrl,
      `select action_id as "actionId", direction, command_id as "commandId", state from ${schemaOf(participant)}.backstep_inbox`,
    );
    return rows.map((row): InboxRow => ({ ...row, participant }));
  });
  return all.flat();
}

async function readAccounts({ ledgerUrl, participants }: Manifest): Promise<AccountRow[]> {
  const banks = await present(ledgerUrl, participants, 'account');
  const all = await forAll(banks, 1, async (bank) =>
    (
      await rowsOf<Omit<AccountRow, 'bank'>>(
        ledgerUrl,
        `select account, balance::float8, held::float8, transit::float8 from ${schemaOf(bank)}.account`,
      )
    ).map((row): AccountRow => ({ ...row, bank })),
  );
  return all.flat();
}

async function readStore({ storeUrl, namespace }: Manifest): Promise<StoreFacts> {
  const schema = `"${namespace}"`;
  const idsOf = async (sql: string) => (await rowsOf<{ id: string }>(storeUrl!, sql)).map(({ id }) => id);
  const both = (where: string) =>
    `select id::text from ${schema}.saga where ${where} union all select id::text from ${schema}.finished_saga where ${where}`;
  return {
    parked: await idsOf(both('parked is not null')),
    orphanTimers: await idsOf(both('ended_at is not null and wake_at is not null and parked is null')),
    oldTransactions: await idsOf(
      `select application_name || ' ' || state || ' ' || left(query, 100) as id from pg_stat_activity
       where datname = current_database() and xact_start < now() - interval '1 minute' and backend_type = 'client backend'`,
    ),
    deadLetters: Number((await rowsOf<{ n: string }>(storeUrl!, `select count(*) as n from ${schema}.dead_letter`))[0]!.n),
  };
}

async function readAudit({ storeUrl, namespace }: Manifest): Promise<AuditFound | undefined> {
  const there = await rowsOf(storeUrl!, `select 1 from pg_tables where schemaname = '${namespace}' and tablename = 'audit'`);
  if (there.length === 0) return undefined; // of a build before there was one
  const [head] = await rowsOf<AuditFound['head']>(storeUrl!, `select seq::float8 as seq, hash from "${namespace}".audit_head`);
  const rows = await rowsOf<AuditFound['rows'][number]>(
    storeUrl!,
    `select seq::float8 as seq, previous, hash, content from "${namespace}".audit order by seq`,
  );
  return { head: head ?? { seq: -1, hash: '' }, rows };
}

/** All of them, or evenly spread over the run; what did not simply complete is rarer and comes first. */
async function readDetails(
  api: Api,
  sagas: readonly SagaSummary[],
  { histories = 20_000, shown = 2_000 }: GatherOptions,
): Promise<ReadonlyMap<string, Details>> {
  const sampled = sample(sagas, histories);
  const stuck = sagas.filter(({ status }) => status === 'stuck').slice(0, histories);
  const chosen = [...new Set([...sampled, ...stuck])];
  const withSteps = new Set(sample(chosen, shown).map(({ id }) => id));
  const details = await forAll(chosen, AT_A_TIME, async ({ id }): Promise<[string, Details]> => {
    const shownSaga: SagaShown | undefined = withSteps.has(id) ? await api.show(id) : undefined;
    return [id, { history: await api.history(id), ...(shownSaga && { shown: shownSaga }) }];
  });
  return new Map(details);
}
function sample(sagas: readonly SagaSummary[], most: number): readonly SagaSummary[] {
  if (sagas.length <= most) return sagas;
  const rare = spread(
    sagas.filter(({ status }) => status !== 'completed'),
    Math.ceil(most * 0.7),
  );
  const common = spread(
    sagas.filter(({ status }) => status === 'completed'),
    most - rare.length,
  );
  return [...rare, ...common];
}
function spread<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, n) => list[Math.floor((n * list.length) / most)]!);
}

function readLogs(directory: string): LogLine[] {
  const folder = join(directory, 'logs');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .flatMap((file) => logLines(file, readFileSync(join(folder, file), 'utf8')));
}
/** The lines of one process. A fault may have moved its wall clock, and its log says by how much: the times are what they really were. */
function logLines(file: string, content: string): readonly LogLine[] {
  let skewMs = 0;
  return content.split('\n').flatMap((text, n): LogLine[] => {
    const where = `${file}:${n + 1}`;
    if (text.trim() === '') return [];
    if (!text.startsWith('{')) return [{ where, text }];
    try {
      const line = JSON.parse(text) as { time?: string; level?: string; skewMs?: number };
      if (typeof line.skewMs === 'number') skewMs = line.skewMs;
      const at = Date.parse(line.time ?? '') - skewMs;
      return [{ where, text, ...(Number.isNaN(at) ? {} : { at }), ...(line.level === undefined ? {} : { level: line.level }) }];
    } catch {
      return [{ where, text }]; // cut off by kill -9
    }
  });
}
