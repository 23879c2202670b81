import { describe, expect, it } from '@jest/globals';
import { CRASH_POINTS, type CrashPoint } from '../../../src/core/crash-points.js';
import { lengthToSend } from '../../lab/crash/half-way.js';
import { orderText, readOrder } from '../../lab/crash/order.js';
import { nameOf, TARGETS } from '../../lab/crash/plan.js';
import { percentile } from '../../lab/crash/recovery.js';
import { halfOf, schedule, stops, type ScheduleOptions } from '../../lab/crash/schedule.js';

const OPTIONS: ScheduleOptions = { seed: '7', isLong: false, isEither: false, point: undefined, workload: undefined };
const pointsOf = (options: ScheduleOptions) => schedule(options).flatMap(({ trials }) => trials.map(({ target }) => nameOf(target)));

describe('the schedule of the crash sweep', () => {
  it('has every point that the code passes', () => {
    const planned = new Set<CrashPoint>(TARGETS.map(({ point }) => point));
    expect(Object.keys(CRASH_POINTS).filter((point) => !planned.has(point as CrashPoint))).toEqual([]);
  });

  it('runs each of them once, whatever the seed', () => {
    for (const seed of ['1', '2', '3']) expect(pointsOf({ ...OPTIONS, seed }).sort()).toEqual(TARGETS.map(nameOf).sort());
  });

  it('takes turns with the workloads, and with one daemon and two', () => {
    const chunks = schedule(OPTIONS);
    expect(new Set(chunks.map(({ workload }) => workload)).size).toBe(5);
    expect(new Set(chunks.map(({ daemons }) => daemons)).size).toBe(2);
  });

  it('has at least 200 trials in its long form, some of them killed twice, and stops daemons', () => {
    const trials = schedule({ ...OPTIONS, isLong: true }).flatMap((chunk) => chunk.trials);
    expect(trials.length).toBeGreaterThanOrEqual(200);
    expect(trials.some(({ times }) => times === 2)).toBe(true);
    expect(stops({ ...OPTIONS, isLong: true }).length).toBeGreaterThan(0);
  });

  it('has every point with every workload in its shorter long form too, once, at one hit or the other', () => {
    const chunksOf = (isEither: boolean) => schedule({ ...OPTIONS, isLong: true, isEither });
    const pairs = (isEither: boolean) =>
      chunksOf(isEither).flatMap(({ workload, trials }) => trials.map(({ target }) => `${nameOf(target)} ${workload}`));
    expect(pairs(true).sort()).toEqual([...new Set(pairs(false))].sort());
    const trials = chunksOf(true).flatMap((chunk) => chunk.trials);
    expect(trials.length).toBeGreaterThanOrEqual(200);
    expect(new Set(trials.map(({ hit }) => hit))).toEqual(new Set([1, 2, 3, 12]));
  });

  it('has every point in its two halves together, at least 25 in each, and takes turns from day to day', () => {
    const [even, odd] = (['even', 'odd'] as const).map((half) => pointsOf({ ...OPTIONS, half }));
    expect(Math.min(even!.length, odd!.length)).toBeGreaterThanOrEqual(25);
    expect([...even!, ...odd!].toSorted()).toEqual(pointsOf(OPTIONS).toSorted());
    expect(halfOf(new Date('2026-01-01T12:00:00Z'))).not.toBe(halfOf(new Date('2026-01-02T12:00:00Z')));
  });

  it('is the same for the same seed, and another one for another', () => {
    expect(schedule(OPTIONS)).toEqual(schedule(OPTIONS));
    expect(schedule({ ...OPTIONS, seed: '8' })).not.toEqual(schedule(OPTIONS));
  });

  it('runs only what is asked for', () => {
    expect(new Set(pointsOf({ ...OPTIONS, point: 'transport.sending' }))).toEqual(
      new Set(['daemon/transport.sending', 'participant/transport.sending']),
    );
    expect(pointsOf({ ...OPTIONS, point: 'participant/inbox.claimed' })).toEqual(['participant/inbox.claimed']);
  });
});

describe('an order', () => {
  it.each(['kill store.locked:1', 'stop store.locked:2:2500'])('is read as it is written: %s', (text) => {
    expect(orderText(readOrder(text))).toBe(text);
  });
  it.each([
    'kill store.nowhere:1',
    'kill store.locked',
    'kill store.locked:0',
    'stop store.locked:1',
    'kill store.locked:1:5',
    '',
    'kill constructor.name:1',
  ])('is refused: %s', (text) => {
    expect(() => readOrder(text)).toThrow('is no order');
  });
});

describe('what is sent before a process dies half-way', () => {
  const publish = frame(1, [0, 60, 0, 40, 1, 2, 3]);
  const header = frame(2, [0, 60, 0, 0, 9, 9]);
  const body = frame(3, [1, 2, 3, 4, 5, 6, 7, 8]);
  const message = Buffer.concat([publish, header, body]);
  const ack = frame(1, [0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 7, 1]);

  it('is every message before the middle one, and a part of that', () => {
    const four = Buffer.concat([message, message, message, message]);
    expect(lengthToSend('half published', four)).toBe(2 * message.length + 5);
    expect(lengthToSend('half published', Buffer.concat([message, message]))).toBe(message.length + 5);
  });
  it('is nothing of a message that is alone, of acknowledgements, or of what is no AMQP', () => {
    expect(lengthToSend('half published', message)).toBeUndefined();
    expect(lengthToSend('half published', Buffer.concat([ack, ack, ack]))).toBeUndefined();
    expect(lengthToSend('half published', Buffer.from('Q   BEGIN and so on, at some length'))).toBeUndefined();
  });
  it('is all of the acknowledgements, and all of a commit', () => {
    expect(lengthToSend('acknowledged', ack)).toBe(ack.length);
    expect(lengthToSend('acknowledged', message)).toBeUndefined();
    expect(lengthToSend('commit sent', Buffer.from('Q\0\0\0\x0bCOMMIT\0'))).toBe(12);
    expect(lengthToSend('commit sent', Buffer.from('Q\0\0\0\x0dROLLBACK\0'))).toBeUndefined();
  });
});

describe('percentiles', () => {
  it('are values that were there', () => {
    const values = Array.from({ length: 100 }, (_, n) => 100 - n);
    expect([percentile(values, 50), percentile(values, 99), percentile([3], 99), percentile([], 50)]).toEqual([50, 99, 3, undefined]);
  });
});

/** An AMQP frame on channel 1. */
function frame(type: number, payload: readonly number[]): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(1, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, Buffer.from(payload), Buffer.from([0xce])]);
}
