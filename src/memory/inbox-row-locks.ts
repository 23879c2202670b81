import type { Clock } from '../ports/clock.js';

interface Waiter {
  readonly owner: symbol;
  readonly settle: (got: boolean) => void;
}

/** Exclusive locks by name, first come, first served; an owner may take the same one again. */
export class RowLocks {
  private readonly held = new Map<string, { owner: symbol; readonly waiters: Waiter[] }>();

  constructor(private readonly clock: Clock) {}

  /** False when somebody else still holds it after `waitMs`. */
  take(name: string, owner: symbol, waitMs: number): Promise<boolean> {
    const lock = this.held.get(name);
    if (!lock) {
      this.held.set(name, { owner, waiters: [] });
      return Promise.resolve(true);
    }
    if (lock.owner === owner) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = this.clock.after(waitMs, () => {
        lock.waiters.splice(lock.waiters.indexOf(waiter), 1);
        resolve(false);
      });
      const waiter: Waiter = {
        owner,
        settle: (got) => {
          timer.cancel();
          resolve(got);
        },
      };
      lock.waiters.push(waiter);
    });
  }

  isHeld(name: string): boolean {
    return this.held.has(name);
  }

  /** Whoever has ended holds nothing and waits for nothing. */
  releaseAll(owner: symbol): void {
    for (const [name, lock] of this.held) {
      for (let at = lock.waiters.length; at-- > 0;) {
        if (lock.waiters[at]!.owner === owner) lock.waiters.splice(at, 1)[0]!.settle(false);
      }
      if (lock.owner !== owner) continue;
      const next = lock.waiters.shift();
      if (!next) this.held.delete(name);
      else {
        lock.owner = next.owner;
        next.settle(true);
      }
    }
  }
}
