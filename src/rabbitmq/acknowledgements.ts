/** The part of a channel that settles deliveries, by tag. */
export interface TagSink {
  ack(tag: number, upTo: boolean): void;
  /** Puts one back into its queue. */
  requeue(tag: number): void;
}

const OPEN = 0;
const DONE = 1;
const SENT = 2;

/**
 * Settles the deliveries of one channel with as few frames as possible. Owns which tags are settled. Does not own the channel.
 * Invariants: an acknowledgement of several covers nothing unsettled; each tag is sent once; a tag that is named was not sent before,
 * because the broker answers that by closing the channel.
 */
export class Acknowledgements {
  /** Of the tags from `base` on. */
  private states: number[] = [];
  private base = 1;
  private requeued: number[] = [];
  /** Settled as done since the last flush. */
  private done: number[] = [];
  private open = 0;

  constructor(private readonly sink: TagSink) {}

  /** Deliveries that are not settled. */
  get unsettled(): number {
    return this.open;
  }
  /** Settled since the last flush. */
  get unsent(): number {
    return this.done.length + this.requeued.length;
  }

  /** Tags come one after the other, from 1. */
  delivered(tag: number): void {
    while (this.base + this.states.length < tag) this.states.push(SENT);
    this.states.push(OPEN);
    this.open++;
  }

  /** False for a tag that was settled before. */
  settle(tag: number, verdict: 'done' | 'requeue'): boolean {
    const at = tag - this.base;
    if (this.states[at] !== OPEN) return false;
    this.open--;
    if (verdict === 'done') {
      this.states[at] = DONE;
      this.done.push(tag);
    } else {
      this.states[at] = SENT;
      this.requeued.push(tag);
    }
    return true;
  }

  /** Sends what was settled: requeues first, so that nothing acknowledged by a prefix is meant to come back. */
  flush(): void {
    for (const tag of this.requeued) this.sink.requeue(tag);
    this.requeued = [];
    this.ackPrefix();
    for (const tag of this.done) if (this.states[tag - this.base] === DONE) this.ackOne(tag);
    this.done = [];
  }

  /** Everything before the first unsettled tag, at once. */
  private ackPrefix(): void {
    let length = 0;
    let last = 0;
    let count = 0;
    for (; length < this.states.length && this.states[length] !== OPEN; length++) {
      if (this.states[length] !== DONE) continue;
      last = this.base + length;
      count++;
    }
    if (count > 0) this.sink.ack(last, count > 1);
    this.states.splice(0, length);
    this.base += length;
  }

  private ackOne(tag: number): void {
    this.states[tag - this.base] = SENT;
    this.sink.ack(tag, false);
  }
}
