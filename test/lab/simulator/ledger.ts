import type { Run } from './participants.js';

/** One effect, in the order in which they happened. */
export interface Effect extends Run {
  readonly seq: number;
  readonly at: number;
}

/** What really happened in the world, whoever knows of it. */
export class Ledger {
  readonly effects: Effect[] = [];
  private readonly bySaga = new Map<string, Effect[]>();

  add(run: Run, at: number): void {
    const effect = { ...run, seq: this.effects.length + 1, at };
    this.effects.push(effect);
    const own = this.bySaga.get(run.sagaId);
    if (own) own.push(effect);
    else this.bySaga.set(run.sagaId, [effect]);
  }
  of(sagaId: string): readonly Effect[] {
    return this.bySaga.get(sagaId) ?? [];
  }
}
