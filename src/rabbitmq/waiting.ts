import type { Clock } from '../ports/clock.js';
import type { Settings } from './options.js';

/** Gives what the promise gives, or `'late'` after `ms`. A rejection comes through; one that comes later is of no interest. */
export async function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | 'late'> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => resolve('late'));
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** Exponential, at least half of it by chance so that many clients do not come back at once. `failures` from 1. */
export function pauseMs({ reconnectMs, random }: Pick<Settings, 'reconnectMs' | 'random'>, failures: number): number {
  const full = Math.min(reconnectMs.longest, reconnectMs.first * 2 ** Math.min(failures - 1, 20));
  return full * (0.5 + random.next() / 2);
}

/** Resolves after `ms`, or as soon as the signal says that there is no more to wait for. */
export async function pause(clock: Clock, ms: number, closing: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (closing.aborted) {
      resolve();
      return;
    }
    const done = () => {
      timer.cancel();
      closing.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(ms, done);
    closing.addEventListener('abort', done);
  });
}

/**
 * Tries until it works or is over, with growing pauses. For what sits on a connection: when that is gone it is over, and starts anew on
 * the next one.
 */
export async function untilDone(
  settings: Settings,
  attempt: () => Promise<void>,
  isOver: () => boolean,
  onFailure: (error: unknown) => void,
): Promise<void> {
  for (let failures = 1; !isOver(); failures++) {
    try {
      await attempt();
      return;
    } catch (error: unknown) {
      if (isOver()) return;
      onFailure(error);
    }
    await pause(settings.clock, pauseMs(settings, failures), settings.closing);
  }
}
