import type { Timer } from '../ports/clock.js';
import type { Runtime } from './runtime.js';
import { HandlerTimeout } from './time-limit.js';

/**
 * A handler's abort signal, made when it is first looked at: most handlers never do, and making one costs more than they do.
 * Aborted when the handler's time is up, or when the process is ending. Owns its timer until `release`.
 */
export class LazySignal {
  private readonly beganAt: number;
  private controller: AbortController | undefined;
  private timer: Timer | undefined;
  private forget: (() => void) | undefined;

  constructor(private readonly runtime: Pick<Runtime, 'clock' | 'settings' | 'ending'>) {
    this.beganAt = runtime.clock.monotonic();
  }

  get signal(): AbortSignal {
    this.controller ??= this.made();
    return this.controller.signal;
  }

  /** The handler has ended. */
  release(): void {
    this.timer?.cancel();
    this.forget?.();
  }

  private made(): AbortController {
    const { clock, settings, ending } = this.runtime;
    const ms = settings.handlerTimeoutMs;
    const controller = new AbortController();
    this.timer = clock.after(Math.max(0, this.beganAt + ms - clock.monotonic()), () => controller.abort(new HandlerTimeout(ms)));
    this.forget = ending.onEnd(() => controller.abort(new Error('the process is stopping')));
    return controller;
  }
}
