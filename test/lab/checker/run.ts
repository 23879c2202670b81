// What the checker has gathered of a run, before anything is judged.
import type { DefinitionShown, HistoryEntry, SagaShown, SagaSummary } from '../kit/api.js';
import type { BankLine, ClientLine, DecisionLine, Manifest, NemesisLine, ResourceLine, TailLine } from '../kit/evidence.js';
import type { LedgerRow } from '../kit/ledger.js';

/** A row of a participant's inbox, the table that docs/participants.md describes. */
export interface InboxRow {
  readonly participant: string;
  readonly actionId: string;
  readonly direction: 'action' | 'compensation';
  readonly commandId: string;
  readonly state: 'claimed' | 'started' | 'success' | 'rejected' | 'tombstone';
}
/** An account of the bank workload at the end. */
export interface AccountRow {
  readonly bank: string;
  readonly account: string;
  readonly balance: number;
  readonly held: number;
  readonly transit: number;
}
export interface QueueCount {
  readonly queue: string;
  readonly ready: number;
  /** Where somebody could tell. */
  readonly unacked?: number;
}
export interface LogLine {
  /** File and line. */
  readonly where: string;
  /** Milliseconds since 1970; absent for what is not a line of JSON. */
  readonly at?: number;
  readonly level?: string;
  readonly text: string;
}
/** What the engine's own database says, where the checker may look. */
export interface StoreFacts {
  /** Sagas with events that were put aside because deciding them failed. */
  readonly parked: readonly string[];
  /** Ended sagas that still have a timer. */
  readonly orphanTimers: readonly string[];
  /** Transactions that have been open for longer than a minute. */
  readonly oldTransactions: readonly string[];
  readonly deadLetters: number;
}
/** The table `audit` of docs/security.md, as it is. */
export interface AuditFound {
  readonly head: { readonly seq: number; readonly hash: string };
  /** Ascending by number. */
  readonly rows: readonly { readonly seq: number; readonly previous: string; readonly hash: string; readonly content: string }[];
}
/** Where planted texts were looked for, and where they were. */
export interface SecretsFound {
  readonly planted: readonly { readonly name: string; readonly kind: 'secret' | 'payload' | 'control' }[];
  /** Files, answers and tables that were read. */
  readonly places: readonly string[];
  readonly sightings: readonly { readonly name: string; readonly where: string }[];
}
export interface Details {
  readonly history: readonly HistoryEntry[];
  /** Of a part of the sagas only. */
  readonly shown?: SagaShown;
}

export interface Run {
  readonly manifest: Manifest;
  readonly client: readonly ClientLine[];
  readonly nemesis: readonly NemesisLine[];
  /** Every saga that the API lists. */
  readonly sagas: readonly SagaSummary[];
  readonly definitions: readonly DefinitionShown[];
  readonly ledger: readonly LedgerRow[];
  readonly inbox: readonly InboxRow[];
  /** By saga id; all of them, or a sample of a large run. */
  readonly details: ReadonlyMap<string, Details>;
  readonly accounts: readonly AccountRow[];
  readonly bank: readonly BankLine[];
  readonly queues: readonly QueueCount[];
  /** `undefined`: nobody could tell. */
  readonly store: StoreFacts | undefined;
  /** `undefined`: nobody could tell. */
  readonly audit: AuditFound | undefined;
  /** What operators have asked for, where an experiment has some. */
  readonly decisions: readonly DecisionLine[];
  /** `undefined`: nothing was planted. */
  readonly secrets: SecretsFound | undefined;
  readonly logs: readonly LogLine[];
  readonly resources: readonly ResourceLine[];
  readonly tail: readonly TailLine[];
}

/** What was asked for under one key. */
export interface Asked {
  readonly key: string;
  readonly name: string;
  readonly input: unknown;
  readonly by: 'key' | 'header' | 'many';
  readonly ids: readonly string[];
  /** Answers that said "made just now". */
  readonly created: number;
  readonly fails: readonly string[];
  /** Requests whose outcome nobody knows: no answer, or the generator died before it came. */
  readonly unknown: number;
}

/** The run, arranged for looking things up. */
export interface Index {
  readonly run: Run;
  readonly asked: ReadonlyMap<string, Asked>;
  readonly sagaById: ReadonlyMap<string, SagaSummary>;
  /** Sagas by the tag `start`. */
  readonly sagasByKey: ReadonlyMap<string, readonly SagaSummary[]>;
  /** Ascending by sequence. */
  readonly ledgerOf: ReadonlyMap<string, readonly LedgerRow[]>;
  readonly definitionOf: (saga: Pick<SagaSummary, 'name' | 'version'>) => DefinitionShown | undefined;
  /** The key that started a saga; `undefined` for one that the load generator did not start. */
  readonly keyOf: (saga: SagaSummary) => string | undefined;
  /** Where a fault was under way, or had been just before. */
  readonly isInFault: (at: number, graceMs: number) => boolean;
}

export function indexOf(run: Run): Index {
  const sagasByKey = new Map<string, SagaSummary[]>();
  const keyOf = (saga: SagaSummary) => saga.tags['start'] ?? saga.key ?? undefined;
  for (const saga of run.sagas) {
    const key = keyOf(saga);
    if (key !== undefined) put(sagasByKey, key, saga);
  }
  const ledgerOf = new Map<string, LedgerRow[]>();
  for (const row of [...run.ledger].sort((a, b) => a.seq - b.seq)) put(ledgerOf, row.sagaId, row);
  const definitions = new Map(run.definitions.map((each) => [`${each.name}@${each.version}`, each]));
  const windows = windowsOf(run.nemesis);
  return {
    run,
    asked: askedFor(run.client),
    sagaById: new Map(run.sagas.map((saga) => [saga.id, saga])),
    sagasByKey,
    ledgerOf,
    definitionOf: ({ name, version }) => definitions.get(`${name}@${version}`),
    keyOf,
    isInFault: (at, graceMs) => windows.some(([from, to]) => at >= from - 1_000 && at <= to + graceMs),
  };
}

/** From the beginning of each fault to its end; one that never ended lasts for ever. */
export function windowsOf(nemesis: readonly NemesisLine[]): readonly (readonly [from: number, to: number])[] {
  return nemesis
    .filter(({ what }) => what === 'begin')
    .map(({ fault, at }) => [at, nemesis.find((line) => line.fault === fault && line.what === 'end')?.at ?? Infinity] as const);
}

function askedFor(client: readonly ClientLine[]): Map<string, Asked> {
  interface Open {
    key: string;
    name: string;
    input: unknown;
    by: Asked['by'];
    ids: string[];
    created: number;
    fails: string[];
    unknown: number;
  }
  const asked = new Map<string, Open>();
  const keyOfRequest = new Map<number, string>();
  for (const line of client) {
    if (line.op === 'invoke') {
      const { key, name, input, by = 'key' } = line;
      keyOfRequest.set(line.n, key);
      const open = asked.get(key) ?? { key, name, input, by, ids: [], created: 0, fails: [], unknown: 0 };
      open.unknown++; // until an answer says otherwise
      asked.set(key, open);
      continue;
    }
    const open = asked.get(keyOfRequest.get(line.n) ?? '');
    if (!open) throw new Error(`client.jsonl: request ${line.n} was answered, but never made`);
    if (line.op === 'unknown') continue;
    open.unknown--;
    if (line.op === 'fail') open.fails.push(line.error);
    else {
      open.ids.push(line.id);
      if (line.created) open.created++;
    }
  }
  return asked;
}

export function put<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
