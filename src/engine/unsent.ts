import type { Send } from '../core/event.js';
import type { CommandMessage } from '../core/wire.js';
import type { ReminderWork } from './work.js';

/**
 * Commands that could not be published while the broker was away. When it is back they are published again if they are still in flight:
 * without this they would wait for their timers.
 * Invariant: bounded; what does not fit is left to the timers, which are enough to end every saga.
 */
export class Unsent {
  private readonly bySaga = new Map<string, Map<string, Send>>();

  constructor(private readonly maxSagas: number) {}

  add(commands: readonly CommandMessage[]): void {
    for (const { sagaId, step, phase } of commands) {
      let sends = this.bySaga.get(sagaId);
      if (!sends) {
        if (this.bySaga.size >= this.maxSagas) return;
        this.bySaga.set(sagaId, (sends = new Map()));
      }
      sends.set(`${step}.${phase}`, { step, phase });
    }
  }

  /** All of them, as work; they are forgotten here. */
  takeAll(): ReminderWork[] {
    const works = [...this.bySaga].map(([sagaId, sends]): ReminderWork => ({ kind: 'remind', sagaId, sends: [...sends.values()] }));
    this.bySaga.clear();
    return works;
  }
}
