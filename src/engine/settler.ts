import type { Delivery } from '../ports/transport.js';

/** The deliveries of one batch. */
export interface Slot {
  /** Notes what is to become of a delivery once the batch's turn has come. */
  settle(delivery: Delivery, verdict: 'done' | 'requeue'): void;
  /** The batch is settled only after this has resolved. It must not reject. */
  holdFor(work: Promise<unknown>): void;
  /** Nothing more is coming but what is held for. */
  close(): void;
}

/**
 * Settles deliveries batch by batch, in the order in which the batches were taken: what is acknowledged is then always a prefix of
 * what was delivered, so that a broker that acknowledges several at once never takes an open one along.
 * Owns: the order. Does not own: deciding what becomes of a delivery.
 * Invariants: a batch is settled after all it is held for, and after every batch before it; each delivery once.
 */
export class Settler {
  private readonly slots: OpenSlot[] = [];
  private readonly idle: (() => void)[] = [];

  open(): Slot {
    const slot = new OpenSlot(() => this.settleReady());
    this.slots.push(slot);
    return slot;
  }

  /** Batches that are not settled yet. */
  get pending(): number {
    return this.slots.length;
  }

  /** Resolves when everything is settled. */
  async whenIdle(): Promise<void> {
    if (this.slots.length > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private settleReady(): void {
    while (this.slots[0]?.isReady) this.slots.shift()!.settleAll();
    if (this.slots.length === 0) for (const resolve of this.idle.splice(0)) resolve();
  }
}

class OpenSlot implements Slot {
  private readonly settlements: { readonly delivery: Delivery; readonly verdict: 'done' | 'requeue' }[] = [];
  private held = 0;
  private closed = false;

  constructor(private readonly onReady: () => void) {}

  get isReady(): boolean {
    return this.closed && this.held === 0;
  }
  settle(delivery: Delivery, verdict: 'done' | 'requeue'): void {
    this.settlements.push({ delivery, verdict });
  }
  holdFor(work: Promise<unknown>): void {
    this.held += 1;
    void work.then(() => {
      this.held -= 1;
      if (this.isReady) this.onReady();
    });
  }
  close(): void {
    this.closed = true;
    if (this.isReady) this.onReady();
  }
  settleAll(): void {
    for (const { delivery, verdict } of this.settlements) delivery.settle(verdict);
  }
}
