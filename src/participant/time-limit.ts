import type { Clock } from '../ports/clock.js';

/** A handler took longer than it may, and was given up. */
export class HandlerTimeout extends Error {
  constructor(ms: number) {
    super(`it did not end within ${ms} ms`);
  }
}

/**
 * Runs `work` with a signal that is aborted after `ms`, or when one of `others` is. With `giveUp`, which is called first, the result is
 * then a {@link HandlerTimeout}, and what `work` does later counts for nothing; without, `work` is waited for.
 */
export async function within<R>(
  clock: Clock,
  ms: number,
  others: readonly AbortSignal[],
  work: (signal: AbortSignal) => Promise<R>,
  giveUp?: () => void,
): Promise<R> {
  const controller = new AbortController();
  let late: (error: HandlerTimeout) => void = () => undefined;
  const timeUp = new Promise<never>((_, reject) => (late = reject));
  const timer = clock.after(ms, () => {
    controller.abort(new HandlerTimeout(ms));
    if (!giveUp) return;
    giveUp();
    late(new HandlerTimeout(ms));
  });
  const forward = (event: Event): void => controller.abort((event.target as AbortSignal).reason);
  for (const other of others) {
    if (other.aborted) controller.abort(other.reason);
    else other.addEventListener('abort', forward, { once: true });
  }
  try {
    return await Promise.race([work(controller.signal), timeUp]);
  } finally {
    timer.cancel();
    for (const other of others) other.removeEventListener('abort', forward);
  }
}
