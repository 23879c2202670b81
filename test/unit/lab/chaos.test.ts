import { describe, expect, it } from '@jest/globals';
import { amqpFrames, confirmFrame, sightingAt, tagOf } from '../../lab/chaos/amqp-frames.js';
import { FAULTS, faultsNamed } from '../../lab/chaos/catalogue.js';
import { ConfirmBook } from '../../lab/chaos/confirm-book.js';
import { readFlags } from '../../lab/chaos/flags.js';
import type { Befallen } from '../../lab/chaos/nemesis.js';
import { outOfOrder } from '../../lab/chaos/own-checks.js';
import { classes } from '../../lab/chaos/page.js';
import { asksToCommit, postgresFrames, saysCommitted } from '../../lab/chaos/postgres-frames.js';
import { recoveries } from '../../lab/chaos/progress.js';
import { schedule, type Planned } from '../../lab/chaos/schedule.js';
import type { Actor, Link, Scene } from '../../lab/chaos/scene.js';
import { Chance } from '../../lab/kit/chance.js';
import type { HistoryEntry } from '../../lab/kit/api.js';

describe('the schedule', () => {
  const planned = (seed: number, minutes = 3, rate = 18) =>
    schedule(scene(), new Chance(seed).fork('nemesis'), { faults: FAULTS, minutes, rate });
  const told = (plan: readonly Planned[]) => plan.map(({ at, seconds, fault, aim }) => [at, seconds, fault.kind, aim.touches, aim.detail]);

  it('is decided by the seed', () => {
    expect(told(planned(1))).toEqual(told(planned(1)));
    expect(told(planned(1))).not.toEqual(told(planned(2)));
  });

  it('has for three minutes at least 40 faults of 30 kinds, whatever the seed', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const plan = planned(seed);
      expect(plan.length).toBeGreaterThanOrEqual(40);
      expect(new Set(plan.map(({ fault }) => fault.kind)).size).toBeGreaterThanOrEqual(30);
      expect(plan.at(-1)!.at + plan.at(-1)!.seconds).toBeLessThanOrEqual(180);
    }
  });

  it('has for half an hour at least 500 faults, of all kinds', () => {
    const plan = planned(7, 30, 21);
    expect(plan.length).toBeGreaterThanOrEqual(500);
    expect(new Set(plan.map(({ fault }) => fault.kind))).toEqual(new Set(FAULTS.map(({ kind }) => kind)));
  });

  it('lets faults overlap, but never two on one victim', () => {
    let overlaps = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const plan = planned(seed);
      for (const [n, one] of plan.entries()) {
        for (const other of plan.slice(n + 1)) {
          if (other.at >= one.at + one.seconds + (one.fault.aftermath ?? 0)) continue;
          overlaps++;
          expect(one.aim.touches.filter((touched) => other.aim.touches.includes(touched))).toEqual([]);
        }
      }
    }
    expect(overlaps).toBeGreaterThan(100);
  });

  it('deals what every run needs, and loses no message towards the end of a short one', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const plan = planned(seed);
      const kinds = new Set(plan.map(({ fault }) => fault.kind));
      expect(FAULTS.filter(({ isEssential, kind }) => isEssential && !kinds.has(kind)).map(({ kind }) => kind)).toEqual([]);
      for (const { at, fault } of plan) if (fault.losesMessages) expect(at).toBeLessThanOrEqual(105);
    }
  });

  it('has a name and rows of the catalogue for each kind', () => {
    expect(new Set(FAULTS.map(({ kind }) => kind)).size).toBe(FAULTS.length);
    for (const { rows } of FAULTS) {
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) expect(row).toMatch(/^[A-J]\d{1,2}$/);
    }
  });
});

describe('the flags', () => {
  it('name every fault at once', () => {
    expect(() => readFlags(['--minutes', 'x', '--rate=0', '--faults', 'nothing', '--zip', 'word', '--sagas', 'here'])).toThrow(
      /--zip is no option\n'word' is not understood\n--faults: no fault is called nothing;[^\n]*\n--sagas, --start and --inputs belong together[^\n]*\n--minutes is 'x'[^\n]*\n--rate is '0'/,
    );
  });
  it('have defaults, and choose kinds by parts of their names', () => {
    expect(readFlags(['--seed', '5'])).toMatchObject({ minutes: 3, seed: 5, rate: 18, daemons: 2, keep: false });
    expect(faultsNamed('commit').map(({ kind }) => kind)).toEqual(['swallow-commit', 'swallow-commit-answer', 'hold-commit']);
  });
});

describe('frames', () => {
  it('are found however the bytes are cut', () => {
    const stream = Buffer.concat([
      Buffer.from('AMQP\0\0\u0009\u0001', 'latin1'),
      confirmFrame(3, 77, false),
      confirmFrame(4, 2 ** 40, true),
    ]);
    for (let size = 1; size <= stream.length; size++) {
      const frames = amqpFrames();
      const found = [];
      for (let at = 0; at < stream.length; at += size) found.push(...frames.push(stream.subarray(at, at + size)));
      expect(found.map(({ kind, channel, method }) => [kind, channel, method])).toEqual([
        ['protocol', 0, ''],
        ['method', 3, '60.80'],
        ['method', 4, '60.120'],
      ]);
      expect(Buffer.concat(found.map(({ bytes }) => bytes))).toEqual(stream);
      expect(tagOf(found[2]!)).toEqual({ tag: 2 ** 40, isMultiple: false });
      expect(found.map(sightingAt)).toEqual([undefined, undefined, 'refused']);
    }
  });

  it('of PostgreSQL: a COMMIT is one, text about it is none', () => {
    const query = (text: string) => {
      const body = Buffer.from(`${text}\0`);
      const head = Buffer.from('Q\0\0\0\0');
      head.writeUInt32BE(4 + body.length, 1);
      const { fromClient } = postgresFrames();
      const startup = Buffer.alloc(8);
      startup.writeUInt32BE(8, 0);
      startup.writeUInt32BE(196_608, 4);
      return asksToCommit(fromClient.push(Buffer.concat([startup, head, body]))[1]!);
    };
    expect(['commit', 'COMMIT;', 'select 1; commit'].map(query)).toEqual([true, true, true]);
    expect(['begin isolation level read committed', "insert into t values ('commit is')", 'commit_log'].map(query)).toEqual([
      false,
      false,
      false,
    ]);
    expect(saysCommitted({ type: 'C', bytes: Buffer.from('C\0\0\0\u000bCOMMIT\0') })).toBe(true);
  });
});

describe('the book of confirms', () => {
  it('translates numbers once something was added or held back', () => {
    const book = new ConfirmBook();
    book.passes(book.publishes()); // 1 is 1
    const held = book.publishes(); // 2 waits
    book.withholds();
    book.passes(book.publishes()); // 3 is the broker's 2
    book.passes(undefined); // the one that waited is the broker's 3; its publisher has its confirm
    book.passes(book.publishes()); // 4 is 4
    expect(held).toBe(2);
    expect(book.isExact).toBe(false);
    expect(book.settled(1, false)).toEqual([1]);
    expect(book.settled(4, true)).toEqual([3, 4]);
    expect(book.settled(4, true)).toEqual([]);
  });
});

describe('what a run tells', () => {
  const fault = (endedAt: number): Befallen => ({ number: 1, kind: 'kill', rows: ['A1'], beganAt: 0, endedAt, detail: {} });
  it('counts recovery from the end of a fault to the next effect', () => {
    const samples = [
      { at: 100, effects: 5, open: 0 },
      { at: 200, effects: 5, open: 0 },
      { at: 300, effects: 5, open: 0 },
      { at: 450, effects: 6, open: 0 },
    ];
    expect(recoveries([fault(150), fault(500)], samples)).toEqual([{ kind: 'kill', ms: 300 }]);
    expect(classes([50, 100, 101, 70_000]).filter(([, count]) => count > 0)).toEqual([
      [100, 2],
      [200, 1],
      [Infinity, 1],
    ]);
  });

  it('sees undos out of order', () => {
    const history = (...effects: readonly object[]) => [{ effects } as unknown as HistoryEntry];
    const done = (step: string) => ({ do: 'succeeded', step });
    const asked = (step: string) => ({ do: 'sent', step, phase: 'compensation' });
    const undone = (step: string) => ({ do: 'undone', step });
    expect(outOfOrder(history(done('a'), done('b'), asked('b'), undone('b'), asked('a'), undone('a')))).toBeUndefined();
    expect(outOfOrder(history(done('a'), done('b'), asked('a'), undone('a'), asked('b'), undone('b')))).toMatch(/undone: a, b/);
    expect(outOfOrder(history(done('a'), done('b'), asked('b'), asked('a'), undone('b'), undone('a')))).toMatch(/while b was not yet/);
  });
});

/** Names only: a schedule is made before anything is done. */
function scene(): Scene {
  const actors = ['daemon-1', 'daemon-2', 'participants-1', 'participants-2', 'participants-3'].map(
    (name) => ({ name, role: name.startsWith('daemon') ? 'daemon' : 'participants' }) as Actor,
  );
  const links = actors.flatMap((owner) =>
    (['postgres', 'rabbitmq'] as const).map((to) => ({ name: `${owner.name}/${to}`, owner, to }) as Link),
  );
  return {
    actors,
    links,
    namespace: 'lab',
    participants: ['bank-west', 'bank-east'],
    schemas: ['bank_west', 'bank_east'],
    saga: 'bank-transfer',
  } as unknown as Scene;
}
