import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Acknowledgements } from '../../../src/rabbitmq/acknowledgements.js';

/** A channel as the broker keeps it: what is unacknowledged, and an error for a tag that is not. */
class Broker {
  readonly unacked = new Set<number>();
  readonly acked = new Set<number>();
  readonly requeued = new Set<number>();
  frames = 0;

  ack(tag: number, upTo: boolean): void {
    this.take(tag);
    this.acked.add(tag);
    if (!upTo) return;
    for (const one of [...this.unacked].filter((other) => other < tag)) {
      this.unacked.delete(one);
      this.acked.add(one);
    }
  }
  requeue(tag: number): void {
    this.take(tag);
    this.requeued.add(tag);
  }
  private take(tag: number): void {
    this.frames++;
    if (!this.unacked.delete(tag)) throw new Error(`unknown delivery tag ${tag}`);
  }
}

describe('acknowledgements', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 10 }) }),
    fc.record({
      do: fc.constant('settle' as const),
      pick: fc.nat(),
      verdict: fc.constantFrom('done' as const, 'done' as const, 'requeue' as const),
    }),
    fc.record({ do: fc.constant('flush' as const) }),
  );

  it('cover exactly what was settled, in any order, and name no tag twice', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const broker = new Broker();
        const acknowledgements = new Acknowledgements(broker);
        const settled = new Map<number, 'done' | 'requeue'>();
        let last = 0;
        const flush = () => {
          acknowledgements.flush();
          expect([...broker.acked].sort(byNumber)).toEqual(tagsThatAre('done', settled));
          expect([...broker.requeued].sort(byNumber)).toEqual(tagsThatAre('requeue', settled));
        };
        for (const one of steps) {
          if (one.do === 'flush') flush();
          else if (one.do === 'settle' && last > 0) {
            const tag = 1 + (one.pick % last);
            const isFirst = !settled.has(tag);
            expect(acknowledgements.settle(tag, one.verdict)).toBe(isFirst);
            if (isFirst) settled.set(tag, one.verdict);
          } else if (one.do === 'deliver') {
            for (let i = 0; i < one.count; i++) {
              broker.unacked.add(++last);
              acknowledgements.delivered(last);
            }
          }
          expect(acknowledgements.unsettled).toBe(last - settled.size);
        }
        flush();
        expect(broker.unacked.size).toBe(last - settled.size);
      }),
      { numRuns: 300 },
    );
  });

  it('of a batch that was settled as a whole are one frame', () => {
    const broker = new Broker();
    const acknowledgements = new Acknowledgements(broker);
    for (let tag = 1; tag <= 500; tag++) {
      broker.unacked.add(tag);
      acknowledgements.delivered(tag);
    }
    for (let tag = 500; tag >= 1; tag--) acknowledgements.settle(tag, 'done');
    acknowledgements.flush();
    expect([broker.frames, broker.unacked.size]).toEqual([1, 0]);
  });
});

function tagsThatAre(verdict: string, settled: ReadonlyMap<number, string>): number[] {
  return [...settled]
    .filter(([, one]) => one === verdict)
    .map(([tag]) => tag)
    .sort(byNumber);
}
function byNumber(a: number, b: number): number {
  return a - b;
}
