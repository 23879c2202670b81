import type { HandlerDeclaration } from '../saga/participant-declaration.js';
import type { Runtime } from './runtime.js';

/** Names handlers that hold up a group: each at most once a minute. */
export class SlowHandlers {
  private readonly warnedAt = new Map<string, number>();

  constructor(private readonly runtime: Pick<Runtime, 'clock' | 'logger' | 'settings'>) {}

  took(handler: HandlerDeclaration, ms: number): void {
    if (ms <= this.runtime.settings.slowHandlerMs) return;
    const now = this.runtime.clock.monotonic();
    const { type } = handler.command;
    if (now - (this.warnedAt.get(type) ?? -Infinity) < 60_000) return;
    this.warnedAt.set(type, now);
    this.runtime.logger.warn({ command: type, handler: handler.where, ms: Math.round(ms) }, handler.many ? MANY_HOLDS_UP : HOLDS_UP);
  }
}

const HOLDS_UP =
  'a handler holds up the commands that share its transaction; declare it slow, or with effects outside if it waits for anything but tx';
const MANY_HOLDS_UP =
  'a call for many commands holds up the others that share its transaction; let it do less, or give the host a smaller groupSize';
