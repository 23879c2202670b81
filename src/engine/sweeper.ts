import { pass } from '../core/crash-points.js';
import { messageOf } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import type { Attribution } from '../ports/signing.js';
import type { Committed, Loaded, SagaStore, Writes } from '../ports/saga-store.js';
import type { Aftermath } from './aftermath.js';
import { applyDue, POSTPONE_MS, type Applied } from './batch.js';
import type { Definitions } from './definitions.js';
import { EarliestTimer } from './earliest-timer.js';
import type { EngineObserver } from './observer.js';
import { backoffMs } from './pause.js';
import type { EngineSettings } from './settings.js';
import { WakeUps } from './wake-ups.js';

export interface SweeperParts {
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
  /** False: what timers send could not be published, so they wait; they all fire when it is true again. */
  readonly maySweep: () => boolean;
}

/** Timers that are due within this are looked at near their time; later ones by the regular look. */
const PRECISE_MS = 3_000;
/** Between two looks, however many timers there are. */
const LEAST_GAP_MS = 20;

/**
 * Looks at sagas whose timers are due: retries, timeouts, deadlines, resends, parked replies.
 * Owns: when to look. Does not own: what a timer means (`decide`), nor which are due (the store, by its own clock).
 * Invariants: one sweep at a time in this process; a saga that cannot be handled is postponed and never keeps the others waiting.
 */
export class Sweeper {
  problem: string | undefined;
  private readonly wakeUps = new WakeUps(PRECISE_MS);
  private readonly postponed = new Map<string, number>();
  private readonly timer: EarliestTimer;
  private sweeping: Promise<void> | undefined;
  private publishing: Promise<unknown> = Promise.resolve();
  private stopped = true;
  private failures = 0;
  private limit: number;
  private regularAt = 0;

  constructor(private readonly parts: SweeperParts) {
    this.limit = parts.settings.sweepBatch;
    this.timer = new EarliestTimer(parts.clock, () => this.fire());
  }

  start(): void {
    this.stopped = false;
    this.schedule(0);
  }

  /** Resolves when the look under way is over and what it sent is confirmed or given up. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer.cancel();
    await this.sweeping;
    await this.publishing;
  }

  /** Some timer is due in so many milliseconds. */
  wakeIn(ms: number): void {
    if (this.stopped) return;
    const now = this.parts.clock.monotonic();
    if (this.wakeUps.add(now + ms, now) && !this.sweeping) this.schedule(this.nextIn(now));
  }

  /** One look. Gives whether there may be more that is due. */
  async runOnce(): Promise<boolean> {
    const { clock, store, definitions, aftermath, observer } = this.parts;
    const begunAt = clock.monotonic();
    const seen: string[] = [];
    let latenessMs = 0;
    const committed = await this.commit(store, definitions, (loaded) => {
      for (const [id, { wakeAt }] of loaded.sagas) {
        seen.push(id);
        if (wakeAt !== null) latenessMs = Math.max(latenessMs, loaded.now - wakeAt);
      }
      if (seen.length > 0) pass('sweep.claimed');
      return applyDue(loaded, definitions, this.instants(loaded.now), this.parts.signing);
    });
    if (committed.fate !== 'committed') return this.failed(committed, seen);
    if (seen.length > 0) pass('sweep.committed');
    this.well();
    for (const id of seen) this.postponed.delete(id);
    const ms = clock.monotonic() - begunAt;
    if (seen.length > 0) {
      observer.batchCommitted?.({ kind: 'timers', items: seen.length, sagas: seen.length, ms });
      observer.timersSwept?.({ sagas: seen.length, latenessMs });
    }
    const isFull = seen.length >= this.limit;
    this.limit = Math.min(this.parts.settings.sweepBatch, this.limit * 2);
    const following = aftermath.followDue(committed, begunAt);
    this.publishing = Promise.all([this.publishing, following]);
    // While there is more, the broker sets the pace.
    if (isFull) await following;
    return isFull;
  }

  private async commit(
    store: SagaStore,
    definitions: Definitions,
    apply: (loaded: Loaded) => Writes<Applied>,
  ): Promise<Committed<Applied>> {
    let inside = false;
    try {
      return await store.commitDue(this.limit, definitions.refs, (loaded) => {
        inside = true;
        const writes = apply(loaded);
        inside = false;
        return writes;
      });
    } catch (error: unknown) {
      return { fate: 'failed', blame: inside ? 'row' : 'database', error };
    }
  }

  private async sweep(): Promise<void> {
    while (!this.stopped && this.parts.maySweep()) {
      if (!(await this.runOnce())) return;
    }
  }

  private schedule(ms: number): void {
    if (!this.stopped) this.timer.setIn(ms);
  }

  private fire(): void {
    if (this.stopped || this.sweeping) return;
    const now = this.parts.clock.monotonic();
    this.wakeUps.passed(now);
    this.regularAt = now + this.parts.settings.sweepMs;
    this.sweeping = this.sweep()
      .catch((error: unknown) => this.parts.logger.error({ error: messageOf(error) }, 'the sweep of timers failed inside'))
      .then(() => {
        this.sweeping = undefined;
        this.schedule(this.nextIn(this.parts.clock.monotonic()));
      });
  }

  private nextIn(now: number): number {
    if (this.failures > 0) return backoffMs(this.failures, this.parts.random, this.parts.settings);
    const regular = Math.max(0, this.regularAt - now);
    return Math.max(LEAST_GAP_MS, Math.min(regular, this.wakeUps.nextIn(now) ?? Infinity));
  }

  /** What is postponed, until when: by the store's clock. */
  private instants(now: number): ReadonlyMap<string, number> {
    if (this.postponed.size === 0) return this.postponed;
    return new Map([...this.postponed.keys()].map((id) => [id, now + POSTPONE_MS]));
  }

  private failed(committed: Exclude<Committed<Applied>, { fate: 'committed' }>, seen: readonly string[]): boolean {
    const error = messageOf(committed.error);
    if (committed.fate === 'failed' && committed.blame === 'row' && seen.length > 0) {
      if (this.limit > 1) {
        this.limit = Math.max(1, Math.min(this.limit, seen.length) >> 1);
        return true;
      }
      const sagaId = seen[0]!;
      if (!this.postponed.has(sagaId)) {
        this.parts.logger.error({ sagaId, error }, 'the timers of a saga cannot be handled; it is looked at again in a minute');
        this.postponed.set(sagaId, 0);
        return true;
      }
    }
    this.failures += 1;
    if (!this.problem) this.parts.logger.error({ error }, 'the sweep of timers fails; it is tried again');
    this.problem = `the sweep of timers fails: ${error}`;
    return false;
  }
  private well(): void {
    if (this.problem) this.parts.logger.info({}, 'the sweep of timers works again');
    this.problem = undefined;
    this.failures = 0;
  }
}
