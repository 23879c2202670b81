import type { Plan } from '../core/plan.js';
import type { DefinitionRef } from '../ports/definition-ref.js';
import type { SagaOverview } from '../ports/saga-overview.js';
import type { VersionFigures } from '../ports/saga-figures.js';

/** Finished sagas that are looked at: of each version, and of all of them together. */
const OF_EACH = 1_000;
const OF_ALL = 5_000;
/** However many people look, the store spends a hundredth of its time on it, and is left alone between these. */
const PAUSE_TIMES = 100;
const LEAST_PAUSE_MS = 2_000;
const MOST_PAUSE_MS = 60_000;

/** What was read, and when. */
export interface Figures {
  readonly at: number;
  /** So many of each version were looked at, where there are so many. */
  readonly limit: number;
  readonly versions: readonly VersionFigures[];
}

/**
 * How steps went in the newest finished sagas of what is loaded.
 * Owns: the last answer, or why there was none, and the question under way; there is one at a time. Does not own: the store.
 */
export class FiguresReading {
  private last: Promise<Figures> | undefined;
  /** When the store may be asked again. */
  private notBefore = 0;

  constructor(
    private readonly store: Pick<SagaOverview, 'figures'>,
    private readonly plans: () => readonly Plan[],
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** Throws what the store throws, to everybody who asks before it may be asked again. */
  async read(): Promise<Figures> {
    if (!this.last || this.clock() >= this.notBefore) {
      this.notBefore = Number.POSITIVE_INFINITY;
      this.last = this.ask();
    }
    return this.last;
  }

  private async ask(): Promise<Figures> {
    const versions: readonly DefinitionRef[] = this.plans().map(({ name, version }) => ({ name, version }));
    const limit = Math.min(OF_EACH, Math.ceil(OF_ALL / Math.max(1, versions.length)));
    const [at, began] = [Date.now(), this.clock()];
    try {
      return { at, limit, versions: await this.store.figures({ versions, limit }) };
    } finally {
      const ended = this.clock();
      this.notBefore = ended + Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, (ended - began) * PAUSE_TIMES));
    }
  }
}
