import { describe, expect, it } from '@jest/globals';
import { chosen, COMPARED, DATABASES, orderOf, PACED, PEERS } from '../../../bench/lib/compared.mjs';
import { PEERS as PEER_NAMES, readOptions } from '../../../bench/lib/options.mjs';
import { ratio, summarize, type Run } from '../../../bench/lib/statistics.mjs';
import { figure, markdownTable, nearPart, nearRows, summaryRows, targetRows, textTable } from '../../../bench/lib/tables.mjs';
import { judge, nearness, TARGETS } from '../../../bench/lib/targets.mjs';

const read = (...args: string[]) => readOptions(args);
const run = (given: Partial<Run> = {}): Run => ({
  scenario: 'throughput',
  system: 'backstep-none',
  variant: '',
  turn: 1,
  othersCores: 0.1,
  ...given,
});

describe("the bench's options", () => {
  it('have defaults: throughput and latency, three times', () => {
    const { options, faults } = read();
    expect(faults).toEqual([]);
    expect(options).toMatchObject({ scenarios: ['throughput', 'latency'], rates: [20], repetitions: 3, queue: 'quorum', payload: 300 });
    expect(options.participants).toBeUndefined();
    expect(options.count).toBeUndefined();
    expect(read('--no-latency').options.scenarios).toEqual(['throughput']);
  });

  it('are read in both forms, lists once each', () => {
    const { options, faults } = read(
      '--scenario',
      'growth,start,growth',
      '--participants=both',
      '--rates=50,0.5',
      '--minutes',
      '0.5',
      '--json',
    );
    expect(faults).toEqual([]);
    expect(options).toMatchObject({
      scenarios: ['growth', 'start'],
      participants: ['none', 'inbox'],
      rates: [50, 0.5],
      minutes: 0.5,
      json: true,
    });
    expect(read('--scenario', 'all').options.scenarios).toHaveLength(7);
  });

  it('take the folder of the peers or do without, and then run no scenario unless one is named', () => {
    expect(read('--peers').options).toMatchObject({ peers: '', scenarios: [] });
    expect(read('--peers', '--only', 'dbos,pgboss').options).toMatchObject({ peers: '', only: ['dbos', 'pgboss'] });
    expect(read('--peers', '--only=prototype-none,prototype-inbox,prototype-batch').faults).toEqual([]);
    expect(read('--peers', 'there', '--scenario', 'latency').options).toMatchObject({ peers: 'there', scenarios: ['latency'] });
  });

  it.each([
    [['--speed', '9'], 'there is no option --speed; there are --scenario --participants'],
    [['throughput'], 'there is no option throughput'],
    [['--scenario', 'fast'], '--scenario is of throughput, compensate, latency, growth, start, backlog, daemons, all, not fast'],
    [['--participants', 'none,some'], '--participants is of none, inbox, batch, batch-none, both, not some'],
    [['--queue', 'stream'], '--queue is of quorum, classic, not stream'],
    [['--count', '0'], '--count is a whole number from 1, not 0'],
    [['--count', '1e3'], '--count is a whole number from 1, not 1e3'],
    [['--repetitions', '1.5'], '--repetitions is a whole number from 1 to 100, not 1.5'],
    [['--count'], '--count needs a value: N'],
    [['--out', '--json'], '--out needs a value: FILE'],
    [['--json=yes'], '--json takes no value'],
    [['--rates', '20,fast'], '--rates are numbers above 0 with commas between them, not 20,fast'],
    [['--count', '1', '--count', '2'], '--count is given twice'],
    [['--only', 'dbos'], '--only chooses among the peers: it needs --peers'],
    [['--peers', '--parallel', '5'], 'the peers have three steps in sequence'],
  ])('are refused with what is allowed: %j', (args, fault) => {
    const { faults } = readOptions(args);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(fault);
  });

  it('are refused all at once', () => {
    expect(read('--count', 'x', '--rates', 'y', '--zeal').faults).toHaveLength(3);
  });
});

describe("the bench's medians", () => {
  it('leave out runs that others disturbed, and say how many', () => {
    const summary = summarize([
      run({ sagasPerSecond: 100, cpuByProcess: { engine: 1 }, peakMemoryMb: { engine: 90 } }),
      run({ sagasPerSecond: 10, cpuByProcess: { engine: 9 }, peakMemoryMb: { engine: 120 }, othersCores: 0.26 }),
      run({ sagasPerSecond: 140, cpuByProcess: { engine: 2 }, peakMemoryMb: { engine: 80 } }),
    ]);
    expect(summary).toMatchObject({ runs: 3, used: 2, disturbed: 1, sagasPerSecond: { median: 120, min: 100, max: 140 } });
    expect(summary.cpuByProcess).toEqual({ engine: 1.5 });
    expect(summary.peakMemoryMb).toEqual({ engine: 120 });
    expect(summary.othersCores).toEqual({ median: 0.1, min: 0.1, max: 0.26 });
  });

  it('take disturbed runs where there are no others', () => {
    const summary = summarize([1, 2, 9].map((sagasPerSecond) => run({ sagasPerSecond, othersCores: 1 })));
    expect(summary).toMatchObject({ used: 3, disturbed: 3, sagasPerSecond: { median: 2, min: 1, max: 9 } });
  });

  it('do not invent what was not measured', () => {
    const summary = summarize([run({ latencyMs: { p50: 1, p95: 2, p99: 3 } })]);
    expect(summary.sagasPerSecond).toBeUndefined();
    expect(summary.latencyMs?.p99).toEqual({ median: 3, min: 3, max: 3 });
    expect(summaryRows([summary]).rows[0]?.slice(0, 7)).toEqual(['backstep-none', '', '-', '1', '2', '3', '-']);
  });
});

describe('a ratio', () => {
  const speed = (each: Run) => each.sagasPerSecond;
  const runs = (...speeds: number[]) => speeds.map((sagasPerSecond, at) => run({ sagasPerSecond, turn: at + 1 }));

  it('is that of the medians, with those of single turns around it', () => {
    expect(ratio(runs(200, 300, 240), runs(100, 100, 60), speed)).toEqual({ median: 2.4, min: 2, max: 4 });
  });

  it('leaves out turns in which others disturbed either side', () => {
    const disturbed = run({ sagasPerSecond: 10, turn: 2, othersCores: 1 });
    const [first, , third] = runs(200, 300, 240);
    expect(ratio([first!, disturbed, third!], runs(100, 100, 100), speed)).toEqual({ median: 2.2, min: 2, max: 2.4 });
  });

  it('is none where one side is missing or was nothing', () => {
    expect(ratio(runs(1), [], speed)).toBeUndefined();
    expect(ratio(runs(1), runs(0), speed)).toBeUndefined();
    expect(ratio([run()], runs(1), speed)).toBeUndefined();
  });
});

describe('the targets', () => {
  const rowOf = (runs: Run[], measure: string, against: string) =>
    judge(runs).find((each) => each.measure === measure && each.against === against)!;
  const pair = (system: string, peer: string, given: Partial<Run>, theirs: Partial<Run>, scenario = 'peers-throughput') => [
    run({ scenario, system, ...given }),
    run({ scenario, system: peer, ...theirs }),
  ];

  it('are met from their floor on', () => {
    const row = (own: number) =>
      rowOf(
        pair('backstep-none', 'dbos', { sagasPerSecond: own }, { sagasPerSecond: 100 }),
        'completed sagas/s, participants without database',
        'dbos',
      );
    expect(row(700)).toMatchObject({ verdict: 'met', floor: 7, value: { median: 7 } });
    expect(row(699)).toMatchObject({ verdict: 'MISSED' });
  });

  it('are met up to their floor where less is better', () => {
    const row = (own: number) =>
      rowOf(
        pair('backstep-none', 'restate', { cpuSecondsPer1000: own }, { cpuSecondsPer1000: 2 }),
        'CPU s/1,000, participants without database',
        'restate',
      );
    expect(row(0.9).verdict).toBe('met');
    expect(row(0.92).verdict).toBe('MISSED');
  });

  it('are not measured by runs of another scenario, system or variant', () => {
    const others = [
      ...pair('backstep-none', 'dbos', { sagasPerSecond: 9 }, { sagasPerSecond: 1 }, 'throughput'),
      run({ scenario: 'latency', variant: '300/s', latencyMs: { p50: 1, p95: 1, p99: 1 } }),
      run({ scenario: 'backlog', variant: '300 away', figures: { daemonMb: 1, daemonGrowth: 1, sweepCores: 0 } }),
    ];
    expect(judge(others).map(({ verdict }) => verdict)).toEqual(TARGETS.map(() => 'not measured'));
  });

  it('compare growth within one kind of participants, and tell figures of ours alone', () => {
    const runs = [
      run({ scenario: 'growth', system: 'backstep-inbox', variant: 'empty', sagasPerSecond: 100 }),
      run({ scenario: 'growth', system: 'backstep-inbox', variant: '1000000 finished', sagasPerSecond: 95 }),
      run({ scenario: 'backlog', variant: '100000 slow', figures: { daemonMb: 251, daemonGrowth: 1, sweepCores: 0.01 } }),
    ];
    expect(rowOf(runs, 'throughput with 1 M finished sagas', 'empty tables')).toMatchObject({ verdict: 'met', value: { median: 0.95 } });
    expect(rowOf(runs, 'throughput with 10 M finished sagas', 'empty tables').verdict).toBe('not measured');
    expect(rowOf(runs, 'daemon memory with the backlog', '').verdict).toBe('MISSED');
    expect(rowOf(runs, 'sweep of timers with the backlog', '').verdict).toBe('met');
  });

  it('are told with their spread, floor and verdict', () => {
    const runs = [1, 2].flatMap((turn) =>
      pair('backstep-batch', 'textbook-tx', { sagasPerSecond: 1_000 * turn, turn }, { sagasPerSecond: 100, turn }),
    );
    const told = targetRows(judge(runs).filter(({ verdict }) => verdict !== 'not measured'));
    expect(textTable(told.head, told.rows).split('\n')).toEqual([
      '  measure                                               against      value [turns]  wanted        verdict',
      '  completed sagas/s, batches on the wire, with effects  textbook-tx  15 [10-20]×    at least 13×  met',
    ]);
    expect(markdownTable(['a', 'b'], [['1', '2']])).toBe('| a | b |\n| --- | --- |\n| 1 | 2 |');
    expect([1_234.5, 12.34, 1.234, 0.12345].map(figure)).toEqual(['1,235', '12.3', '1.23', '0.123']);
  });
});

describe('what is compared in a turn', () => {
  const [throughput, compensate] = COMPARED;

  it('is every peer in throughput, and in the other parts nobody whom --only has no name for', () => {
    expect(throughput!.peers).toEqual(PEER_NAMES);
    for (const { peers } of [compensate!, PACED]) expect(chosen(peers, PEER_NAMES)).toEqual(peers);
  });

  it('has what every target compares ours to, and the prototype that it came from', () => {
    const parts = [...COMPARED, PACED];
    for (const { ours, theirs, bare } of TARGETS.filter((target) => target.ours.scenario.startsWith('peers-'))) {
      const { peers } = parts.find(({ scenario }) => scenario === ours.scenario)!;
      expect(peers).toContain(theirs!.system);
      if (bare) expect(peers).toContain(bare.system);
    }
  });

  it('is what --only chooses, a system with both types of queues by one name', () => {
    expect(chosen(throughput!.peers, ['prototype-none', 'dbos'])).toEqual(['dbos', 'prototype-none']);
    expect(chosen(compensate!.peers, ['prototype-none', 'dbos'])).toEqual(['prototype-none']);
    expect(chosen(PACED.peers, ['prototype-none'])).toEqual(['prototype-none-classic', 'prototype-none']);
    expect(chosen(PACED.peers, ['prototype-batch'])).toEqual([]);
  });
  it('has ours in the midst of those that it is compared with, every second turn backwards', () => {
    const names = ({ peers, participants }: NonNullable<typeof throughput>, turn: number) =>
      orderOf(peers, participants, turn).map((run) => ('peer' in run ? run.peer : `ours ${run.ours}`));
    const order = [
      ['textbook-none', 'dbos', 'restate', 'ours none', 'graphile', 'pgboss', 'prototype-none'],
      ['textbook-tx', 'dbos-effects', 'restate-effects', 'ours inbox', 'ours batch', 'prototype-inbox', 'prototype-batch'],
    ].flat();
    expect(names(throughput!, 1)).toEqual(order);
    expect(names(throughput!, 2)).toEqual(order.toReversed());
    expect(names(throughput!, 3)).toEqual(order);
    expect(names(compensate!, 1)).toHaveLength(compensate!.peers.length + 3);
    expect(orderOf([], ['batch'], 1)).toEqual([{ ours: 'batch' }]);
  });

  it('leaves no database of a system behind', () => {
    for (const { system } of Object.values(PEERS)) expect(DATABASES).toContain(`perf_${system}`);
    expect(new Set(DATABASES).size).toBe(DATABASES.length);
  });
});

describe('how near to the bare design', () => {
  const completed = (system: string, sagasPerSecond: number, turn = 1) =>
    run({ scenario: 'peers-throughput', system, sagasPerSecond, turn });
  const latency = (system: string, p50: number) =>
    run({ scenario: 'peers-latency', system, variant: '20/s', latencyMs: { p50, p95: 2 * p50, p99: 3 * p50 } });

  it('tells what the prototype reaches of a target, and what ours reaches of the prototype', () => {
    const runs = [
      ...[1, 2].flatMap((turn) => [
        completed('textbook-none', 500, turn),
        completed('prototype-none', 2_400, turn),
        completed('backstep-none', 1_700 + 100 * turn, turn),
      ]),
      latency('dbos', 10),
      latency('prototype-none-classic', 9),
      latency('backstep-none-classic', 15),
    ];
    const { head, rows } = nearRows(nearness(runs));
    expect(textTable(head, rows).split('\n')).toEqual([
      '  measure                                           against        prototype [turns]  Backstep [turns]  wanted        how near [turns]',
      '  completed sagas/s, participants without database  textbook-none  4.8×               3.7 [3.6-3.8]×    at least 5×   0.771 [0.75-0.792]×',
      '  latency at 20/s p50, classic queues               dbos           0.9×               1.5×              at most 1.2×  0.6×',
    ]);
  });

  it('has a row for both outcomes with each kind of participants, and one for each type of queues', () => {
    const runs = TARGETS.flatMap(({ bare }) => (bare ? [run({ ...bare, sagasPerSecond: 1, latencyMs: { p50: 1, p95: 1, p99: 1 } })] : []));
    expect(nearness(runs).map(({ measure, against }) => `${measure}: ${against}`)).toEqual([
      'completed sagas/s, participants without database: textbook-none',
      'completed sagas/s, inbox and effect row: textbook-tx',
      'completed sagas/s, batches on the wire, with effects: textbook-tx',
      'compensated sagas/s, participants without database: textbook-none',
      'compensated sagas/s, inbox and effect row: textbook-tx',
      'compensated sagas/s, batches on the wire, with effects: textbook-tx',
      'latency at 20/s p50, classic queues: dbos',
      'latency at 20/s p50, quorum queues: restate',
    ]);
  });

  it('does without the system of the target, and tells nothing without the prototype', () => {
    const [ours, theirs] = [completed('backstep-batch', 2_500), completed('prototype-batch', 5_000)];
    expect(nearRows(nearness([ours, theirs])).rows).toEqual([
      ['completed sagas/s, batches on the wire, with effects', 'textbook-tx', '-', '-', 'at least 13×', '0.5×'],
    ]);
    expect(nearRows(nearness([theirs])).rows[0]?.slice(2)).toEqual(['-', '-', 'at least 13×', '-']);
    expect(nearness([ours, completed('textbook-tx', 100)])).toEqual([]);
  });

  it('is a part of the page, where there is something to tell', () => {
    const part = nearPart(nearness([completed('backstep-none', 1), completed('prototype-none', 2)]));
    expect(part).toHaveLength(3);
    expect(part[0]).toBe('### How near to the bare design');
    expect(part[2]).toContain('| completed sagas/s, participants without database | textbook-none | - | - | at least 5× | 0.5× |');
    expect(nearPart([])).toEqual([]);
  });
});
