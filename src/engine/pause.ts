import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';

/** Waits, on the clock; resolves early when the signal fires. Never rejects. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(ms, end);
    signal?.addEventListener('abort', end, { once: true });
  });
}

/** The wait after failure number `failures` in a row: doubles up to a maximum, with jitter so that processes do not come back together. */
export function backoffMs(
  failures: number,
  random: Random,
  { backoffMs: first, backoffMaxMs: most }: { backoffMs: number; backoffMaxMs: number },
): number {
  const full = Math.min(most, first * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return Math.round(full / 2 + (full / 2) * random.next());
}
