import { pass } from '../core/crash-points.js';
import { messageOf, SagaError } from '../core/errors.js';
import { traceField } from '../core/trace-context.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import type { Attribution } from '../ports/signing.js';
import type { Committed, SagaStore } from '../ports/saga-store.js';
import type { Aftermath } from './aftermath.js';
import { applyBatch, type Applied } from './batch.js';
import type { Definitions } from './definitions.js';
import { ArrivalRate, lingerMs } from './linger.js';
import type { EngineObserver } from './observer.js';
import { backoffMs, pause } from './pause.js';
import type { EngineSettings } from './settings.js';
import type { Settler, Slot } from './settler.js';
import { deliveryOf, refuse, sagaOf, type Work } from './work.js';
import { WorkQueue } from './work-queue.js';

export interface BatchLoopParts {
  readonly store: SagaStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observer: EngineObserver;
  readonly settings: EngineSettings;
  readonly definitions: Definitions;
  /** Where replies are signed: whose reply counts. */
  readonly signing?: Attribution;
  readonly aftermath: Aftermath;
  readonly settler: Settler;
  /** False: no new batch for now, since too many messages wait for a broker that will take them. */
  readonly mayCommit: () => boolean;
}

/**
 * Carries work out in batches, one transaction each.
 * Owns: what waits, which sagas are in a transaction, and what becomes of a batch whose transaction fails.
 * Does not own: deciding (batch.ts), publishing and answering (the aftermath), the order of acknowledgements (the settler).
 * Invariants: items of one saga are applied in the order in which they came, never in two transactions at a time; an item leaves only
 * concluded (answered, settled, put aside) or, when nobody knows whether its transaction committed, requeued; nothing rejects.
 */
export class BatchLoop {
  /** What is wrong with the database, as seen here. */
  problem: string | undefined;
  private readonly queue = new WorkQueue();
  private readonly busy = new Set<string>();
  private readonly rate: ArrivalRate;
  private readonly abandoning = new AbortController();
  private readonly idle: (() => void)[] = [];
  private inFlight = 0;
  private pumping = false;
  private linger: Timer | undefined;
  private expiry: Timer | undefined;
  private overtaking: Timer | undefined;
  /** When the newest batch began. */
  private newestAt = -Infinity;

  constructor(private readonly parts: BatchLoopParts) {
    this.rate = new ArrivalRate(parts.clock.monotonic());
  }

  /** Items that are in no transaction yet. */
  get waiting(): number {
    return this.queue.size;
  }

  add(works: readonly Work[]): void {
    for (const work of works) {
      if (this.abandoning.signal.aborted) this.abandon(work);
      else this.queue.add(work);
    }
    this.rate.count(works.length);
    this.watchCallers();
    this.pump();
  }

  /** Looks again whether a batch can be taken. What comes within one turn of the event loop goes together. */
  pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    queueMicrotask(() => {
      this.pumping = false;
      this.takeBatches();
    });
  }

  /** Resolves when all that was added is concluded, or when the time is up; what is left then is given back. */
  async drain(ms: number): Promise<void> {
    const stopWaiting = new AbortController();
    const timeUp = pause(this.parts.clock, ms, stopWaiting.signal);
    const done = this.whenIdle().then(() => this.parts.settler.whenIdle());
    const isDone = await Promise.race([done.then(() => true), timeUp.then(() => false)]);
    stopWaiting.abort('over');
    this.expiry?.cancel();
    if (!isDone) this.abandonAll();
  }

  private whenIdle(): Promise<void> {
    if (this.queue.size === 0 && this.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  private takeBatches(): void {
    const { settings, clock } = this.parts;
    while (this.queue.size > 0 && this.mayTakeBatch()) {
      if (!this.linger) {
        const { maxBatch, maxLingerMs } = settings;
        const wait = lingerMs({ waiting: this.queue.size, maxBatch, rate: this.rate.at(clock.monotonic()), maxLingerMs });
        if (wait > 0) {
          this.linger = clock.after(wait, () => this.takeAfterLinger());
          return;
        }
      } else if (this.queue.size < settings.maxBatch) return;
      if (!this.takeBatch()) return;
    }
    this.tellIfIdle();
  }

  private takeAfterLinger(): void {
    this.linger = undefined;
    if (this.mayTakeBatch()) this.takeBatch();
    this.pump();
  }

  private mayTakeBatch(): boolean {
    const { settings, clock } = this.parts;
    if (this.inFlight >= settings.batchesInFlight || !this.parts.mayCommit()) return false;
    if (this.inFlight === 0 || this.queue.size >= settings.maxBatch) return true;
    const wait = this.newestAt + settings.overtakeMs - clock.monotonic();
    if (wait <= 0) return true;
    this.overtaking ??= clock.after(wait, () => {
      this.overtaking = undefined;
      this.pump();
    });
    return false;
  }

  /** False: all that waits is about sagas that are in a transaction. */
  private takeBatch(): boolean {
    this.linger?.cancel();
    this.linger = undefined;
    const items = this.queue.take(this.parts.settings.maxBatch, this.busy);
    if (items.length === 0) return false;
    void this.run(items);
    return true;
  }

  private async run(items: readonly Work[]): Promise<void> {
    const slot = this.parts.settler.open();
    const ids = idsOf(items);
    for (const id of ids) this.busy.add(id);
    this.inFlight += 1;
    this.newestAt = this.parts.clock.monotonic();
    pass('batch.taken');
    try {
      await this.carryOut(items, slot);
    } catch (error: unknown) {
      this.parts.logger.error({ error: messageOf(error), items: items.length }, 'a batch failed inside; its messages are delivered again');
      this.giveBack(items, slot, new SagaError('SAGA_INTERNAL', messageOf(error), [], { cause: error }));
    } finally {
      this.inFlight -= 1;
      this.overtaking?.cancel();
      this.overtaking = undefined;
      for (const id of ids) this.busy.delete(id);
      slot.close();
      this.tellIfIdle();
      this.pump();
    }
  }

  private async carryOut(given: readonly Work[], slot: Slot): Promise<void> {
    const { clock, random, settings } = this.parts;
    let items = given;
    for (let failures = 0; items.length > 0;) {
      const begunAt = clock.monotonic();
      const committed = await this.commit(items);
      if (committed.fate === 'committed') return this.committed(items, committed, begunAt, slot);
      if (committed.fate === 'unknown') return this.unknown(items, committed.error, slot);
      if (committed.blame === 'row') return this.bisect(items, committed.error, slot);
      failures += 1;
      this.databaseFailed(committed.error);
      await pause(clock, backoffMs(failures, random, settings), this.abandoning.signal);
      items = this.stillWanted(items, committed.error, slot);
    }
  }

  private async commit(items: readonly Work[]): Promise<Committed<Applied>> {
    const { store, definitions } = this.parts;
    let inside: { readonly error: unknown } | undefined;
    try {
      return await store.commit([...idsOf(items)], (loaded) => {
        try {
          return applyBatch(items, loaded, definitions, this.parts.signing);
        } catch (error: unknown) {
          inside = { error };
          throw error;
        }
      });
    } catch (error: unknown) {
      // Our own code threw over some item: found like a row that cannot be written.
      return inside ? { fate: 'failed', blame: 'row', error: inside.error } : { fate: 'failed', blame: 'database', error };
    }
  }

  private committed(items: readonly Work[], done: Extract<Committed<Applied>, { fate: 'committed' }>, begunAt: number, slot: Slot): void {
    pass('batch.committed');
    if (this.problem) this.parts.logger.info({}, 'the database works again');
    this.problem = undefined;
    const ms = this.parts.clock.monotonic() - begunAt;
    const sagas = done.result.touched.length + done.result.begun.length;
    this.parts.observer.batchCommitted?.({ kind: 'messages', items: items.length, sagas, ms });
    const again = this.parts.aftermath.follow(items, done, begunAt, slot);
    if (again.length > 0) this.queue.putBack(again);
  }

  /** Nobody knows whether it committed: nothing may be published or acknowledged. Redelivery and retries with the same key decide. */
  private unknown(items: readonly Work[], error: unknown, slot: Slot): void {
    this.parts.logger.warn(
      { items: items.length, error: messageOf(error) },
      'the outcome of a commit is unknown; its messages are delivered again',
    );
    const message = 'the connection went during the commit; a retry with the same key is safe';
    this.giveBack(items, slot, new SagaError('SAGA_STORE_UNKNOWN', message, [], { cause: error }));
  }

  /** The data of some item is to blame: halves until it is alone. */
  private async bisect(items: readonly Work[], error: unknown, slot: Slot): Promise<void> {
    if (items.length === 1) return this.bad(items[0]!, error, slot);
    const middle = items.length >> 1;
    await this.carryOut(items.slice(0, middle), slot);
    await this.carryOut(items.slice(middle), slot);
  }

  private bad(item: Work, error: unknown, slot: Slot): void {
    this.parts.logger.error(
      { sagaId: sagaOf(item), kind: item.kind, ...aboutItem(item), error: messageOf(error) },
      'an item cannot be stored and was put aside',
    );
    const code = item.kind === 'start' ? 'SAGA_INPUT_INVALID' : 'SAGA_INTERNAL';
    const refusal = new SagaError(code, `cannot be stored: ${messageOf(error)}`, [], { cause: error });
    this.parts.aftermath.bury(item, refusal, slot);
  }

  private databaseFailed(error: unknown): void {
    const message = messageOf(error);
    if (!this.problem) this.parts.logger.error({ error: message }, 'the database cannot be used; what waits is tried again');
    this.problem = `the database cannot be used: ${message}`;
    this.expireWaiting(unavailable(error));
  }

  /** Callers wait for a database for a while, messages for as long as it takes (unless this process is stopping). */
  private stillWanted(items: readonly Work[], error: unknown, slot: Slot): readonly Work[] {
    if (this.abandoning.signal.aborted) {
      this.giveBack(items, slot, unavailable(error));
      return [];
    }
    const now = this.parts.clock.monotonic();
    if (!items.some((item) => isExpired(item, now))) return items;
    for (const item of items) if (isExpired(item, now)) refuse(item, unavailable(error));
    return items.filter((item) => !isExpired(item, now));
  }

  /** A caller is not kept waiting by a transaction that hangs, or by a broker that holds everything up. */
  private watchCallers(): void {
    if (this.expiry || this.queue.size === 0) return;
    this.expiry = this.parts.clock.after(this.parts.settings.callWaitMs, () => {
      this.expiry = undefined;
      this.expireWaiting(new SagaError('SAGA_UNAVAILABLE', 'too much else is waiting for the database or the broker; try again'));
      this.watchCallers();
    });
  }
  private expireWaiting(error: SagaError): void {
    const now = this.parts.clock.monotonic();
    for (const item of this.queue.remove((work) => isExpired(work, now))) refuse(item, error);
  }

  private giveBack(items: readonly Work[], slot: Slot, error: SagaError): void {
    for (const item of items) {
      const delivery = deliveryOf(item);
      if (delivery) slot.settle(delivery, 'requeue');
      refuse(item, error);
    }
  }

  private abandonAll(): void {
    this.abandoning.abort();
    for (const item of this.queue.remove(() => true)) this.abandon(item);
    this.linger?.cancel();
    this.tellIfIdle();
  }
  private abandon(item: Work): void {
    refuse(item, new SagaError('SAGA_UNAVAILABLE', 'this process is stopping; try again'));
    deliveryOf(item)?.settle('requeue');
  }

  private tellIfIdle(): void {
    if (this.queue.size === 0 && this.inFlight === 0) for (const resolve of this.idle.splice(0)) resolve();
  }
}

function idsOf(items: readonly Work[]): Set<string> {
  const ids = new Set<string>();
  for (const item of items) {
    const id = sagaOf(item);
    if (id !== undefined) ids.add(id);
  }
  return ids;
}

/** For the log: the step of a reply, and the saga and trace of a start. */
function aboutItem(item: Work): object {
  if (item.kind === 'reply') return { step: item.reply.ref.step };
  return item.kind === 'start' ? { sagaId: item.beginning.id, ...traceField(item.beginning) } : {};
}

function unavailable(error: unknown): SagaError {
  return new SagaError('SAGA_UNAVAILABLE', `the database cannot be used: ${messageOf(error)}`, [], { cause: error });
}

function isExpired(work: Work, now: number): boolean {
  return (work.kind === 'start' || work.kind === 'operate') && work.caller.via === 'call' && now >= work.caller.expiresAt;
}
