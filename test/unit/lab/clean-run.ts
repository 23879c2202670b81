import { createHash } from 'node:crypto';
import type { DefinitionShown, DefinitionStep, HistoryEffect, HistoryEntry, SagaShown, SagaSummary } from '../../lab/kit/api.js';
import type { ClientLine } from '../../lab/kit/evidence.js';
import type { LedgerRow } from '../../lab/kit/ledger.js';
import { EAST_ACCOUNTS, WEST_ACCOUNTS, BANK_TOTAL } from '../../lab/kit/workloads/bank/inputs.js';
import type { AccountRow, AuditFound, Details, InboxRow, Run } from '../../lab/checker/run.js';

/** A copy that a test may spoil. */
export type Spoilt<T> =
  T extends ReadonlyMap<infer K, infer V> ? Map<K, Spoilt<V>> : T extends object ? { -readonly [P in keyof T]: Spoilt<T[P]> } : T;

const T0 = Date.parse('2026-11-24T12:00:00.000Z');
const iso = (ms: number) => new Date(T0 + ms).toISOString();
const SKUS = {
  stock: 'order-warehouse',
  courier: 'order-courier',
  charge: 'order-till',
  dispatch: 'order-courier',
  letter: 'order-warehouse',
};
type Step = keyof typeof SKUS;

const command = (participant: string, name: string) => ({ participant, command: `${participant}.${name}`, timeoutMs: 20_000 });
const step = (name: Step, kind: DefinitionStep['kind'], needs: Step[]): DefinitionStep => ({
  name,
  kind,
  needs,
  conditional: false,
  action: command(SKUS[name], 'act'),
  ...(kind === 'step' ? { compensation: command(SKUS[name], 'undo') } : {}),
});
export const ORDER: DefinitionShown = {
  name: 'lab-order',
  version: 1,
  deadlineMs: null,
  compensationOrder: 'reverse',
  steps: [
    step('stock', 'step', []),
    step('courier', 'step', []),
    step('charge', 'pivot', ['stock', 'courier']),
    step('dispatch', 'retriable', ['charge']),
    step('letter', 'retriable', ['charge']),
  ],
};

/** Ids of the two sagas: one completed, one whose charge was refused. */
export const DONE = '01a20de2-0000-7000-8000-000000000001';
export const BACK = '01a20de2-0000-7000-8000-000000000002';

/** Writes one saga's ledger, inbox and history at once, as an engine would that makes no mistake. */
class Writer {
  readonly ledger: LedgerRow[] = [];
  readonly inbox: InboxRow[] = [];
  readonly history: HistoryEntry[] = [];
  private now = 0;

  constructor(
    private readonly id: string,
    private readonly nextSeq: () => number,
  ) {}

  private tick(): number {
    return (this.now += 10);
  }
  entry(event: string, facts: Partial<HistoryEntry>, effects: readonly HistoryEffect[]): void {
    this.history.push({ seq: this.history.length + 1, at: iso(this.tick()), event, ...facts, effects });
  }
  id_(name: Step, phase: 'a' | 'c'): string {
    return `${this.id}.${name}.${phase}.1`;
  }
  effect(name: Step, direction: 'action' | 'compensation'): void {
    const participant = SKUS[name];
    const commandId = this.id_(name, direction === 'action' ? 'a' : 'c');
    const actionId = this.id_(name, 'a');
    this.ledger.push({
      seq: this.nextSeq(),
      at: T0 + this.now,
      participant,
      sagaId: this.id,
      step: name,
      direction,
      commandId,
      actionId,
      attempt: 1,
      account: '',
      amount: 0,
    });
    this.inbox.push({ participant, actionId, direction, commandId, state: 'success' });
  }
  replied(name: Step, phase: 'action' | 'compensation', outcome: 'success' | 'rejected' | 'error', effects: HistoryEffect[]): void {
    if (outcome === 'success') this.effect(name, phase);
    this.entry('replied', { step: name, phase, execution: 1, attempt: 1, outcome }, effects);
  }
}
const sent = (name: Step, phase: 'action' | 'compensation' = 'action', attempt = 1): HistoryEffect => ({
  do: 'sent',
  step: name,
  phase,
  execution: 1,
  attempt,
});

/** What an operator has decided of the saga that turned back: suspended, resumed, and resumed once more, which was refused. */
export const AUDITED: readonly AuditFacts[] = [
  { requestId: 'r-1', verb: 'suspend', stage: 'asked' },
  { requestId: 'r-1', verb: 'suspend', stage: 'done' },
  { requestId: 'r-2', verb: 'resume', stage: 'asked' },
  { requestId: 'r-2', verb: 'resume', stage: 'done' },
  { requestId: 'r-3', verb: 'resume', stage: 'asked' },
  { requestId: 'r-3', verb: 'resume', stage: 'refused' },
];
export interface AuditFacts {
  readonly requestId: string;
  readonly verb: string;
  readonly stage: string;
  readonly [fact: string]: unknown;
}

/** An audit with these rows, and a chain that is whole. Its requests are no part of the fault: that is over by an hour. */
export function auditOf(facts: readonly AuditFacts[]): Spoilt<AuditFound> {
  let head = { seq: 0, hash: '0'.repeat(64) };
  const rows = facts.map((each) => {
    const seq = head.seq + 1;
    const content = JSON.stringify({ seq, at: T0 + 3_600_000, target: `saga:${BACK}`, who: 'lab', ...each });
    const row = { seq, previous: head.hash, hash: createHash('sha256').update(`${head.hash}\n${content}`).digest('hex'), content };
    head = { seq, hash: row.hash };
    return row;
  });
  return { head, rows };
}

/** A run in which nothing is wrong, small enough to be read. */
export function cleanRun(): Spoilt<Run> {
  let seq = 0;
  const nextSeq = () => ++seq;
  const done = new Writer(DONE, nextSeq);
  done.entry('started', {}, [sent('stock'), sent('courier')]);
  done.replied('stock', 'action', 'success', [{ do: 'succeeded', step: 'stock' }]);
  done.replied('courier', 'action', 'error', [{ do: 'will-retry', step: 'courier', phase: 'action', at: iso(35) }]);
  done.entry('backoff-over', { step: 'courier', phase: 'action', execution: 1, attempt: 1 }, [sent('courier', 'action', 2)]);
  done.replied('courier', 'action', 'success', [{ do: 'succeeded', step: 'courier' }, sent('charge')]);
  done.replied('charge', 'action', 'success', [{ do: 'succeeded', step: 'charge' }, sent('dispatch'), sent('letter')]);
  done.replied('dispatch', 'action', 'success', [{ do: 'succeeded', step: 'dispatch' }]);
  done.replied('letter', 'action', 'success', [
    { do: 'succeeded', step: 'letter' },
    { do: 'status', status: 'completed' },
  ]);
  done.entry('duplicate-reply', { step: 'letter', phase: 'action', execution: 1, attempt: 1, outcome: 'success', count: 2 }, []);

  const back = new Writer(BACK, nextSeq);
  back.entry('started', {}, [sent('stock'), sent('courier')]);
  back.replied('stock', 'action', 'success', [{ do: 'succeeded', step: 'stock' }]);
  back.replied('courier', 'action', 'success', [{ do: 'succeeded', step: 'courier' }, sent('charge')]);
  back.replied('charge', 'action', 'rejected', [
    { do: 'rejected', step: 'charge' },
    { do: 'turned-back', reason: { kind: 'rejected' } },
    sent('courier', 'compensation'),
  ]);
  back.replied('courier', 'compensation', 'success', [{ do: 'undone', step: 'courier' }, sent('stock', 'compensation')]);
  back.entry('suspended', { by: 'lab' }, []);
  back.entry('resumed', { by: 'lab' }, []);
  back.replied('stock', 'compensation', 'success', [
    { do: 'undone', step: 'stock' },
    { do: 'status', status: 'compensated' },
  ]);

  const sagas = [summary(DONE, 'k-1', 'completed', null), summary(BACK, 'k-2', 'compensated', { kind: 'rejected', step: 'charge' })];
  const states: Readonly<Record<string, Readonly<Record<Step, string>>>> = {
    [DONE]: { stock: 'succeeded', courier: 'succeeded', charge: 'succeeded', dispatch: 'succeeded', letter: 'succeeded' },
    [BACK]: { stock: 'compensated', courier: 'compensated', charge: 'rejected', dispatch: 'not-reached', letter: 'not-reached' },
  };
  const show = (saga: SagaSummary): SagaShown => ({
    ...saga,
    input: {},
    direction: saga.status === 'completed' ? 'forward' : 'backward',
    steps: ORDER.steps.map(({ name, kind }) => ({ name, kind, state: states[saga.id]![name as Step], attempts: 1 })),
    stuck: [],
  });
  const details = new Map<string, Details>([
    [DONE, { history: done.history, shown: show(sagas[0]!) }],
    [BACK, { history: back.history, shown: show(sagas[1]!) }],
  ]);
  const accounts: AccountRow[] = [
    ...WEST_ACCOUNTS.map(({ account, cents }) => ({ bank: 'bank-west', account, balance: cents, held: 0, transit: 0 })),
    ...EAST_ACCOUNTS.map(({ account, cents }) => ({ bank: 'bank-east', account, balance: cents, held: 0, transit: 0 })),
  ];
  const run: Run = {
    manifest: {
      experiment: 'by hand',
      seed: 1,
      startedAt: iso(0),
      healedAt: iso(1_000),
      endWithinMs: 5_000,
      api: ['http://127.0.0.1:1'],
      namespace: 'lab',
      brokerUrl: 'amqp://127.0.0.1:1',
      ledgerUrl: 'postgres://127.0.0.1:1/lab',
      participants: ['order-warehouse', 'order-courier', 'order-till', 'bank-west', 'bank-east'],
      queues: ['lab.replies'],
      deadLetterQueue: 'lab.dead-letters',
      expectedStuck: [],
      injectedRubbish: 1,
      wanted: ['history duplicate-reply', 'fault kill-daemon'],
    },
    client: [...started(1, 'k-1', DONE, {}), ...started(2, 'k-2', BACK, { charge: { reject: true } })],
    nemesis: [
      { at: T0 + 500, fault: 1, what: 'begin', kind: 'kill-daemon', rows: ['A1'] },
      { at: T0 + 900, fault: 1, what: 'end', kind: 'kill-daemon', rows: ['A1'] },
    ],
    sagas,
    definitions: [ORDER],
    ledger: [...done.ledger, ...back.ledger],
    inbox: [...done.inbox, ...back.inbox],
    details,
    accounts,
    bank: [{ at: T0 + 10, total: BANK_TOTAL, held: 100, transit: 0, negative: [] }],
    queues: [
      { queue: 'lab.replies', ready: 0, unacked: 0 },
      { queue: 'lab.dead-letters', ready: 0 },
    ],
    audit: auditOf(AUDITED),
    decisions: [
      { at: T0 + 50, saga: BACK, verb: 'suspend', status: 200, requestId: 'r-1' },
      { at: T0 + 60, saga: BACK, verb: 'resume', status: 200, requestId: 'r-2' },
      { at: T0 + 70, saga: BACK, verb: 'resume', status: 409, requestId: 'r-3' },
    ],
    secrets: {
      planted: [
        { name: 'the token', kind: 'secret' },
        { name: 'the rubbish', kind: 'payload' },
        { name: 'the namespace', kind: 'control' },
      ],
      places: ['logs/daemon-1.1.log', 'client.jsonl', 'GET /metrics', 'audit row 1'],
      sightings: [{ name: 'the namespace', where: 'GET /metrics' }],
    },
    store: { parked: [], orphanTimers: [], oldTransactions: [], deadLetters: 1 },
    logs: [{ where: 'daemon-1.1.log:1', at: T0 + 600, level: 'error', text: '{"level":"error","msg":"the broker is gone"}' }],
    resources: Array.from({ length: 20 }, (_, n) => ({ at: T0 + n * 30_000, process: 'daemon-1', run: 1, rssMiB: 100, fds: 40 })),
    tail: [{ at: T0 + 2_000, daemon: 'http://127.0.0.1:1', key: 'tail-1-1', id: DONE, ms: 40 }],
  };
  return structuredClone(run) as unknown as Spoilt<Run>;
}

function summary(id: string, key: string, status: SagaSummary['status'], reason: SagaSummary['reason']): SagaSummary {
  return {
    id,
    name: 'lab-order',
    version: 1,
    key,
    status,
    startedAt: iso(0),
    endedAt: iso(80),
    reason,
    tags: { start: key },
    at: [],
    attention: [],
  };
}
function started(n: number, key: string, id: string, scripts: object): ClientLine[] {
  return [
    { op: 'invoke', at: T0, n, name: 'lab-order', key, input: { article: 'a', scripts } },
    { op: 'ok', at: T0 + 5, n, id, created: true },
  ];
}
