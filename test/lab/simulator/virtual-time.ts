import type { Clock, Timer } from '../../../src/ports/clock.js';

interface Entry extends Timer {
  readonly at: number;
  /** Of two at one instant, the one that was asked for first. */
  readonly order: number;
  run: (() => void) | undefined;
}

/** When the world begins: 2026-01-01, so that instants in a trace can be read. */
export const EPOCH = Date.UTC(2026, 0, 1);

/**
 * Time that passes only from one thing that happens to the next.
 * Owns: what is going to happen, and when. Does not own: what happens.
 * Invariants: the same calls give the same order; whatever an event sets going runs until it waits for a later event before the next one
 * is looked at; the instant never goes back.
 */
export class VirtualTime implements Clock {
  /** Milliseconds since the world began. */
  elapsed = 0;
  /** Events that happened. */
  events = 0;
  private readonly heap: Entry[] = [];
  private issued = 0;
  private hash = 0x811c9dc5;

  constructor(private readonly epoch = EPOCH) {}

  now(): number {
    return Math.floor(this.epoch + this.elapsed);
  }
  monotonic(): number {
    return this.elapsed;
  }
  after(ms: number, run: () => void): Timer {
    const entry: Entry = { at: this.elapsed + Math.max(0, ms), order: ++this.issued, run, cancel: () => void (entry.run = undefined) };
    this.push(entry);
    return entry;
  }
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Adds to the fingerprint of all that happened. */
  note(text: string): void {
    let { hash } = this;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    this.hash = hash;
  }
  get fingerprint(): string {
    return (this.hash >>> 0).toString(16).padStart(8, '0');
  }

  /** Lets things happen until `isOver` (asked after each), until nothing is left to happen, or until the instant. */
  run(until: number, isOver: () => boolean): Promise<'over' | 'idle' | 'time'> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        try {
          if (isOver()) return resolve('over');
          const next = this.pop();
          if (!next) return resolve('idle');
          if (next.at > until) return resolve('time');
          this.happen(next);
        } catch (error: unknown) {
          return reject(error as Error);
        }
        // Everything that it set going comes to rest first.
        setImmediate(turn);
      };
      setImmediate(turn);
    });
  }

  /** Lets time pass as it does outside, for code that knows nothing of virtual time. Returns what ends it. */
  followRealTime(): () => void {
    const begin = performance.now() - this.elapsed;
    let isOver = false;
    const turn = () => {
      if (isOver) return;
      this.elapsed = Math.max(this.elapsed, performance.now() - begin);
      const next = this.peek();
      if (!next || next.at > this.elapsed) return void setTimeout(turn, 1);
      this.happen(this.pop()!);
      setImmediate(turn);
    };
    setImmediate(turn);
    return () => void (isOver = true);
  }

  private happen(entry: Entry): void {
    if (entry.at > this.elapsed) this.elapsed = entry.at;
    this.events++;
    this.hash = Math.imul(this.hash ^ Math.floor(this.elapsed * 1_000), 0x01000193);
    entry.run!();
  }

  private peek(): Entry | undefined {
    const { heap } = this;
    while (heap.length > 0 && heap[0]!.run === undefined) this.removeFirst();
    return heap[0];
  }
  private pop(): Entry | undefined {
    const first = this.peek();
    if (first) this.removeFirst();
    return first;
  }
  private push(entry: Entry): void {
    const { heap } = this;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, entry)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }
  private removeFirst(): void {
    const { heap } = this;
    const last = heap.pop()!;
    const size = heap.length;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (isBefore(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
