import { describe, expect, it } from '@jest/globals';
import { judge } from '../../lab/checker/judge.js';
import { indexOf, type Run } from '../../lab/checker/run.js';
import { compareEnds } from '../../lab/checker/starts.js';
import { reportTable } from '../../lab/checker/table.js';
import type { InvariantResult } from '../../lab/kit/evidence.js';
import { AUDITED, auditOf, BACK, cleanRun, DONE, type Spoilt } from './clean-run.js';

type Spoil = (run: Spoilt<Run>) => void;

function violated(spoil: Spoil): readonly InvariantResult[] {
  const run = cleanRun();
  spoil(run);
  return judge(run as unknown as Run).invariants.filter(({ violationCount }) => violationCount > 0);
}
const historyOf = (run: Spoilt<Run>, id: string) => run.details.get(id)!.history;
const row = (run: Spoilt<Run>, id: string, step: string, direction = 'action') =>
  run.ledger.find((each) => each.sagaId === id && each.step === step && each.direction === direction)!;
const swapSeq = (one: { seq: number }, other: { seq: number }) => ([one.seq, other.seq] = [other.seq, one.seq]);
const drop = <T>(list: T[], which: (item: T) => boolean) => list.splice(list.findIndex(which), 1);
const again = <T extends object>(list: T[], item: T, changes: Partial<T>) => list.push({ ...item, ...changes });

/** What is spoilt, the invariants that it violates (the first is the one that is meant), and a word of the sentence. */
const CASES: readonly (readonly [what: string, ids: readonly string[], sentence: RegExp, spoil: Spoil])[] = [
  // V1
  [
    'an answered start is not there',
    ['V1', 'V6', 'V14'],
    /was answered and is not there/,
    (run) => {
      drop(run.sagas, ({ id }) => id === DONE);
      run.tail[0]!.id = BACK;
    },
  ],
  [
    'a saga has not ended',
    ['V1', 'V9'],
    /has not ended: running at letter/,
    (run) => void Object.assign(run.sagas[0]!, { status: 'running', endedAt: null, at: ['letter'] }),
  ],
  ['a saga ended too late', ['V1'], /ended 4000 ms too late/, (run) => void (run.sagas[0]!.endedAt = '2026-11-24T12:00:10.000Z')],
  [
    'a saga is stuck that nobody scripted so',
    ['V1', 'V9'],
    /has not ended: stuck/,
    (run) => void Object.assign(run.sagas[0]!, { status: 'stuck', endedAt: null }),
  ],
  [
    'a saga that was scripted to be stuck has ended',
    ['V1'],
    /was scripted to be stuck/,
    (run) => void run.manifest.expectedStuck.push('k-1'),
  ],
  // V2
  [
    'one key is two sagas',
    ['V2'],
    /key k-1 is 2 sagas/,
    (run) => again(run.sagas, run.sagas[0]!, { id: '01a20de2-0000-7000-8000-00000000000e', name: 'somebody-elses' }),
  ],
  [
    'a start that was asked twice was made twice',
    ['V2', 'V1'],
    /said to be created 2 times/,
    (run) =>
      void run.client.push(
        { op: 'invoke', at: 1, n: 3, name: 'lab-order', key: 'k-1', input: {} },
        { op: 'ok', at: 2, n: 3, id: '01a20de2-0000-7000-8000-000000000009', created: true },
      ),
  ],
  ['a refused start is there', ['V2'], /was refused/, (run) => void (run.client[1] = { op: 'fail', at: 1, n: 1, error: '422 no' })],
  // V3
  [
    'a completed saga misses an effect',
    ['V3'],
    /is completed, but letter has 0 actions/,
    (run) => drop(run.ledger, ({ step }) => step === 'letter'),
  ],
  [
    'a compensated saga has an effect that was not undone',
    ['V3'],
    /is compensated, but stock has 1 actions, 0 compensations/,
    (run) => drop(run.ledger, ({ sagaId, step, direction }) => sagaId === BACK && step === 'stock' && direction === 'compensation'),
  ],
  // V4
  [
    'an effect happened twice',
    ['V4', 'V3'],
    /the action of letter took effect 2 times/,
    (run) => again(run.ledger, row(run, DONE, 'letter'), { seq: 100 }),
  ],
  [
    'a compensation happened twice',
    ['V4', 'V3'],
    /the compensation of stock took effect 2 times/,
    (run) => again(run.ledger, row(run, BACK, 'stock', 'compensation'), { seq: 100 }),
  ],
  // V5
  [
    'it was undone in the order in which it was done',
    ['V5'],
    /undone: stock, courier; settled, last first: courier, stock/,
    (run) => swapSeq(row(run, BACK, 'stock', 'compensation'), row(run, BACK, 'courier', 'compensation')),
  ],
  [
    'two steps were being undone at once',
    ['V5'],
    /stock was asked to be undone while courier was not yet/,
    (run) => {
      const history = historyOf(run, BACK);
      history[3]!.effects.push(history[4]!.effects.pop()!);
    },
  ],
  // V6
  [
    'an action happened after its compensation',
    ['V6'],
    /courier was done after it was undone/,
    (run) => swapSeq(row(run, BACK, 'courier'), row(run, BACK, 'courier', 'compensation')),
  ],
  [
    'something was undone that was never done',
    ['V6', 'V3'],
    /stock was undone, but never done/,
    (run) => drop(run.ledger, ({ sagaId, step, direction }) => sagaId === BACK && step === 'stock' && direction === 'action'),
  ],
  [
    'an action happened although its row is a tombstone',
    ['V6'],
    /although its row is a tombstone/,
    (run) => void (run.inbox.find(({ commandId }) => commandId === `${BACK}.stock.a.1`)!.state = 'tombstone'),
  ],
  // V7
  [
    'something was undone after the pivot',
    ['V7', 'V3', 'V5'],
    /the pivot charge was done, and yet undone were stock/,
    (run) => again(run.ledger, row(run, DONE, 'stock'), { seq: 100, direction: 'compensation', commandId: `${DONE}.stock.c.1` }),
  ],
  [
    'a compensated saga had passed its pivot',
    ['V7', 'V3'],
    /and yet it is compensated/,
    (run) =>
      again(run.ledger, row(run, DONE, 'charge'), {
        seq: 6.5,
        sagaId: BACK,
        commandId: `${BACK}.charge.a.1`,
        actionId: `${BACK}.charge.a.1`,
      }),
  ],
  [
    'a retriable step was done before the pivot',
    ['V7'],
    /dispatch was done before the pivot charge/,
    (run) => swapSeq(row(run, DONE, 'dispatch'), row(run, DONE, 'charge')),
  ],
  // V8
  ['money was lost for an instant', ['V8'], /all accounts held/, (run) => void run.bank[0]!.total--],
  ['money arrived that never left', ['V8'], /5 had arrived that never left/, (run) => void (run.bank[0]!.transit = -5)],
  ['an account was below zero', ['V8'], /below zero: west\/poor-1/, (run) => void run.bank[0]!.negative.push('west/poor-1')],
  [
    'money is on hold in the end',
    ['V8'],
    /bank-west\/rich-1 still holds 7/,
    (run) => {
      run.accounts[0]!.held = 7;
      run.accounts[0]!.transit = -7;
      run.accounts[1]!.transit = 7;
    },
  ],
  ['a balance is not what its ledger says', ['V8'], /by its ledger/, (run) => void (run.accounts[0]!.balance += 1)],
  // V9
  ['a history has a gap', ['V9'], /after entry 2 comes 4/, (run) => historyOf(run, DONE).splice(2, 1)],
  [
    'a history has two ends',
    ['V9'],
    /its history has 2 ends/,
    (run) => void historyOf(run, DONE)[8]!.effects.push({ do: 'status', status: 'completed' }),
  ],
  [
    'something happened after the end',
    ['V9'],
    /after its end \(entry 8\) comes 'resent'/,
    (run) => again(historyOf(run, DONE), historyOf(run, DONE)[8]!, { seq: 10, event: 'resent' }),
  ],
  // V10
  [
    'a step is shown otherwise than its history says',
    ['V10'],
    /courier is unknown, by the history succeeded/,
    (run) => void (run.details.get(DONE)!.shown!.steps[1]!.state = 'unknown'),
  ],
  [
    'a saga is shown otherwise than its history says',
    ['V10'],
    /is compensated, by its history completed/,
    (run) => void (run.details.get(DONE)!.shown!.status = 'compensated'),
  ],
  // V11
  ['an event has no cause', ['V11'], /'failed-inside' has no cause/, (run) => void (historyOf(run, BACK)[2]!.event = 'failed-inside')],
  [
    'time ran backwards',
    ['V11'],
    /is 40 ms before the one before it/,
    (run) => void (historyOf(run, BACK)[4]!.at = '2026-11-24T12:00:00.000Z'),
  ],
  // V12
  ['an event was put aside', ['V12'], /has an event that was put aside/, (run) => void run.store!.parked.push(DONE)],
  ['an ended saga has a timer', ['V12'], /still has a timer/, (run) => void run.store!.orphanTimers.push(DONE)],
  ['a transaction was left open', ['V12'], /open for more than a minute/, (run) => void run.store!.oldTransactions.push('lab idle')],
  [
    'an inbox row was claimed and committed',
    ['V12'],
    /has claimed/,
    (run) => void (run.inbox.find(({ commandId }) => commandId === `${DONE}.letter.a.1`)!.state = 'claimed'),
  ],
  // V13
  ['a queue has messages', ['V13'], /lab\.replies has 3 messages/, (run) => void (run.queues[0]!.ready = 3)],
  ['a queue has unacknowledged messages', ['V13'], /not acknowledged/, (run) => void (run.queues[0]!.unacked = 1)],
  ['a queue is gone', ['V13'], /lab\.replies is not there/, (run) => run.queues.splice(0, 1)],
  ['a good message is among the dead letters', ['V13'], /2 dead letters, injected were 1/, (run) => void (run.store!.deadLetters = 2)],
  // V14
  [
    'an answered command was never handled',
    ['V14'],
    /order-warehouse has no record of it/,
    (run) => drop(run.inbox, ({ commandId }) => commandId === `${DONE}.letter.a.1`),
  ],
  [
    'an answered command was never sent',
    ['V14'],
    /was answered, but never sent/,
    (run) => void (historyOf(run, DONE)[5]!.effects = historyOf(run, DONE)[5]!.effects.filter(({ step }) => step !== 'letter')),
  ],
  [
    'a command of nobody was handled',
    ['V14'],
    /of a saga that is not there/,
    (run) => again(run.inbox, run.inbox[0]!, { commandId: '01a20de2-0000-7000-8000-00000000000f.stock.a.1' }),
  ],
  // V15
  [
    'a timer was early',
    ['V15'],
    /'backoff-over' of courier \(entry 4\) is 960 ms early/,
    (run) => void (historyOf(run, DONE)[2]!.effects[0]!.at = '2026-11-24T12:00:01.000Z'),
  ],
  [
    'timers are late',
    ['V15'],
    /up to 3960 ms late/,
    (run) => {
      // Long after the last fault.
      for (const line of run.nemesis) line.at -= 3_600_000;
      run.logs = [];
      for (const { effects } of historyOf(run, DONE)) for (const effect of effects) if (effect.at) effect.at = '2026-11-24T11:59:56.080Z';
      for (let n = 0; n < 100; n++) run.details.set(copyOfDone(run, n), run.details.get(DONE)!);
    },
  ],
  // V16
  [
    'a saga ended otherwise than its input says',
    ['V16'],
    /is completed, scripted was compensated/,
    (run) =>
      void (run.client[0] = { op: 'invoke', at: 1, n: 1, name: 'lab-order', key: 'k-1', input: { scripts: { stock: { reject: true } } } }),
  ],
  // V17
  [
    'a row of the audit was changed',
    ['V17'],
    /row 2 of the audit does not have the hash of its content/,
    (run) => void (run.audit!.rows[1]!.content = run.audit!.rows[1]!.content.replace('done', 'noted')),
  ],
  ['a row of the audit is missing', ['V17'], /after row 2 of the audit comes 4/, (run) => run.audit!.rows.splice(2, 1)],
  ['the end of the audit was cut off', ['V17'], /ends with row 4, its head says 6/, (run) => run.audit!.rows.splice(4, 2)],
  [
    'the audit was written anew from a row on',
    ['V17'],
    /row 5 of the audit does not follow/,
    (run) => run.audit!.rows.splice(0, 4, ...auditOf([...AUDITED.slice(0, 3), { ...AUDITED[3]!, who: 'mallory' }]).rows),
  ],
  [
    'somebody decided without a row in the audit',
    ['V17'],
    /has 1 times 'suspend' by mallory, the audit 0/,
    (run) => void (historyOf(run, BACK)[5]!.by = 'mallory'),
  ],
  [
    'the audit has a decision that never was',
    ['V17'],
    /the audit has 1 times 'suspend' of saga:\S+ by lab done, its history 0 times/,
    (run) => void (historyOf(run, BACK)[5]!.event = 'resumed'),
  ],
  [
    'what an operator was told is not in the audit',
    ['V17'],
    /was answered 200, and is not in the audit/,
    (run) => void (run.decisions[1]!.requestId = 'r-9'),
  ],
  [
    'the audit says otherwise than the operator was told',
    ['V17'],
    /was answered 200; the audit says that it was refused/,
    (run) => void (run.decisions[2]!.status = 200),
  ],
  [
    'the audit does not say what became of a request, and no daemon died',
    ['V17'],
    /request r-3 \(resume of saga:\S+\) has no outcome in the audit/,
    (run) => void Object.assign(run, { audit: auditOf(AUDITED.slice(0, 5)), decisions: [] }),
  ],
  [
    'a request has two outcomes',
    ['V17'],
    /has two outcomes in the audit \(row 7\)/,
    (run) => void (run.audit = auditOf([...AUDITED, { ...AUDITED[5]!, stage: 'failed' }])),
  ],
  [
    'a request was never asked',
    ['V17'],
    /has an outcome in the audit, but was never asked/,
    (run) => void (run.audit = auditOf([...AUDITED, { ...AUDITED[5]!, requestId: 'r-4' }])),
  ],
  ['there is no audit', ['V17'], /have asked 3 times, and there is no audit/, (run) => void (run.audit = undefined as never)],
  // V19
  [
    'a secret is in a log',
    ['V19'],
    /the token is in logs\/daemon-1\.1\.log:7/,
    (run) => void run.secrets!.sightings.push({ name: 'the token', where: 'logs/daemon-1.1.log:7' }),
  ],
  [
    'a payload is in an answer that is about many',
    ['V19'],
    /the rubbish is in GET \/api\/v1\/dead-letters/,
    (run) => void run.secrets!.sightings.push({ name: 'the rubbish', where: 'GET /api/v1/dead-letters?limit=500' }),
  ],
  ['the search finds nothing at all', ['V19'], /the namespace was not found either/, (run) => void (run.secrets!.sightings = [])],
  ['no log was searched', ['V19'], /no log was searched/, (run) => run.secrets!.places.splice(0, 1)],
  ['no answer was searched', ['V19'], /no answer of the API was searched/, (run) => run.secrets!.places.splice(2, 1)],
  // V20
  ['a late start took long', ['V20'], /took 6000 ms/, (run) => void (run.tail[0]!.ms = 6_000)],
  [
    'a late start did not end',
    ['V20'],
    /did not end: it is running/,
    (run) => void Object.assign(run.tail[0]!, { ms: undefined, error: 'it is running' }),
  ],
  // V21
  ['memory grows', ['V21'], /daemon-1\.1 rssMiB rises by/, (run) => run.resources.forEach((line, n) => void (line['rssMiB'] = 100 + n))],
  ['files are left open', ['V21'], /daemon-1\.1 fds rises by/, (run) => run.resources.forEach((line, n) => void (line['fds'] = 40 + n))],
  // V22
  ['an error was logged without a fault', ['V22'], /the broker is gone/, (run) => void (run.logs[0]!.at! += 3_600_000)],
  [
    'a rejection was not handled, even in a fault',
    ['V22'],
    /UnhandledPromiseRejection/,
    (run) => void run.logs.push({ where: 'daemon-1.1.log:2', text: '[UnhandledPromiseRejection: This error originated' }),
  ],
  // V23
  [
    'what had to happen never did',
    ['V23'],
    /'history late-reply' never happened/,
    (run) => void run.manifest.wanted.push('history late-reply'),
  ],
];

/** Another saga that is the same but for its id, with the same history. */
function copyOfDone(run: Spoilt<Run>, n: number): string {
  const id = `01a20de2-0000-7000-8000-${String(1_000 + n).padStart(12, '0')}`;
  again(run.sagas, run.sagas[0]!, { id, key: null, tags: {}, name: 'somebody-elses' });
  return id;
}

describe('the checker', () => {
  it('finds nothing wrong with a clean run, and has looked at everything', () => {
    const report = judge(cleanRun() as unknown as Run);
    expect(report.invariants.filter(({ violationCount }) => violationCount > 0)).toEqual([]);
    expect(report.invariants.filter(({ checked }) => checked === 0)).toEqual([]);
    expect(report.invariants.map(({ id }) => id)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23].map((n) => `V${n}`),
    );
    expect(report).toMatchObject({ ok: true, sagas: 2, ends: { completed: 1, compensated: 1 } });
  });

  it.each(CASES)('flags that %s', (_what, ids, sentence, spoil) => {
    const found = violated(spoil);
    const meant = found.find(({ id }) => id === ids[0]);
    expect(meant?.violations.join('\n')).toMatch(sentence);
    expect(found.map(({ id }) => id).sort()).toEqual([...ids].sort());
  });

  it('takes a run with nothing in it for a violation, not for a pass', () => {
    const found = violated((run) => {
      run.sagas = [];
      run.ledger = [];
      run.inbox = [];
      run.details.clear();
    });
    expect(found.map(({ id }) => id)).toContain('V1');
  });

  it('takes a saga that is stuck in a fence for an end only where the fence was answered that nobody knows', () => {
    const fenced = (code: string, phase: 'action' | 'fence') => (run: Spoilt<Run>) => {
      Object.assign(run.sagas[0]!, { status: 'stuck', endedAt: null });
      const history = historyOf(run, run.sagas[0]!.id);
      const { at, seq } = history.at(-1)!;
      const entry = { at, step: 'transfer', execution: 1, attempt: 1 };
      history.push({ ...entry, seq: seq + 1, event: 'replied', phase: 'fence', outcome: 'error', code, effects: [] });
      history.push({ ...entry, seq: seq + 2, event: 'timed-out', phase, effects: [{ do: 'stuck', step: 'transfer', phase }] });
    };
    const ids = (spoil: Spoil) => violated(spoil).map(({ id }) => id);
    expect(ids(fenced('outcome-unknown', 'fence'))).not.toContain('V1');
    expect(ids(fenced('not-committed', 'fence'))).toContain('V1');
    expect(ids(fenced('outcome-unknown', 'action'))).toContain('V1');
  });

  it('knows what a transfer that is gone has left on hold, and takes nothing more for it', () => {
    const lost = (held: number) => (run: Spoilt<Run>) => {
      const gone = { sagaId: '01a20de2-0000-7000-8000-00000000dead', participant: 'bank-west', account: run.accounts[0]!.account };
      again(run.ledger, run.ledger[0]!, {
        ...gone,
        seq: 900,
        step: 'reserve',
        direction: 'action',
        commandId: 'gone',
        actionId: 'gone',
        amount: -7,
      });
      Object.assign(run.accounts[0]!, { balance: run.accounts[0]!.balance - 7, held, transit: 7 - held });
      run.accounts[1]!.transit += held - 7;
    };
    const ofMoney = (held: number) => violated(lost(held)).find(({ id }) => id === 'V8')?.violations ?? [];
    expect(ofMoney(7)).toEqual([]);
    expect(ofMoney(9).join()).toMatch(/still holds 9, of which sagas that are gone hold 7/);
    expect(ofMoney(0).join()).toMatch(/still holds 0, of which sagas that are gone hold 7/);
  });

  it('does not mind a request that a dying daemon left, a decision about many, one that could not be recorded, a payload in a file', () => {
    const died = violated((run) => {
      const asked = { ...AUDITED[0]!, requestId: 'r-4', at: run.nemesis[0]!.at };
      Object.assign(run, { audit: auditOf([...AUDITED, asked]) });
    });
    const byMany = violated((run) => {
      const bulk = { requestId: 'r-4', verb: 'bulk', target: '/api/v1/bulk', who: 'eve', details: { verb: 'suspend' } };
      run.audit = auditOf([...AUDITED.slice(2), { ...bulk, stage: 'asked' }, { ...bulk, stage: 'done' }]);
      run.decisions.shift();
      historyOf(run, BACK)[5]!.by = 'eve';
    });
    const unrecorded = violated((run) => run.decisions.push({ at: 0, saga: BACK, verb: 'cancel', status: 503, requestId: 'r-5' }));
    const inAFile = violated((run) => run.secrets!.sightings.push({ name: 'the rubbish', where: 'client.jsonl:3' }));
    expect([died, byMany, unrecorded, inAFile]).toEqual([[], [], [], []]);
  });

  it('says which saga it is about, in a table for people', () => {
    const run = cleanRun();
    run.ledger.pop();
    const report = judge(run as unknown as Run);
    expect(reportTable(report)).toMatch(new RegExp(`FAIL V3 [\\s\\S]*${BACK} \\(lab-order\\)[\\s\\S]*Violated: V3`));
  });

  it('compares two runs of one seed', () => {
    const one = indexOf(cleanRun() as unknown as Run);
    expect(compareEnds(one, one).result()).toMatchObject({ checked: 2, violationCount: 0 });
    const spoilt = cleanRun();
    spoilt.sagas[0]!.status = 'compensated';
    expect(compareEnds(one, indexOf(spoilt as unknown as Run)).kept).toEqual([
      'key k-1 (lab-order) is completed in one run and compensated in the other',
    ]);
  });
});
