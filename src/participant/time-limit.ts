import type { Runtime } from './runtime.js';

/** A handler took longer than it may. */
export class HandlerTimeout extends Error {
  constructor(ms: number) {
    super(`it did not end within ${ms} ms`);
  }
}

/** What else there is to a limit. */
export interface Limit {
  /** Aborts like the time does. */
  readonly lost?: AbortSignal;
  /** Called when the time is up; the result is then a {@link HandlerTimeout} and what the work does later counts for nothing. */
  readonly giveUp?: () => void;
  /** Called when the time is up, and the work is waited for all the same. */
  readonly overdue?: () => void;
}

/** Runs `work` with a signal that is aborted when its time is up or the process ends. Without `giveUp` it is waited for all the same. */
export async function within<R>(
  { clock, settings, ending }: Pick<Runtime, 'clock' | 'settings' | 'ending'>,
  work: (signal: AbortSignal) => Promise<R>,
  { lost, giveUp, overdue }: Limit = {},
): Promise<R> {
  const ms = settings.handlerTimeoutMs;
  const controller = new AbortController();
  let late: (error: HandlerTimeout) => void = () => undefined;
  const timeUp = new Promise<never>((_, reject) => (late = reject));
  const timer = clock.after(ms, () => {
    controller.abort(new HandlerTimeout(ms));
    overdue?.();
    if (!giveUp) return;
    giveUp();
    late(new HandlerTimeout(ms));
  });
  const forget = ending.onEnd(() => controller.abort(new Error('the process is stopping')));
  const onLost = () => controller.abort(lost?.reason);
  if (lost?.aborted) onLost();
  else lost?.addEventListener('abort', onLost, { once: true });
  try {
    return await Promise.race([work(controller.signal), timeUp]);
  } finally {
    timer.cancel();
    forget();
    lost?.removeEventListener('abort', onLost);
  }
}
