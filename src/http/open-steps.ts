import type { StoredSaga } from '../ports/saga-store.js';
import type { HttpContext } from './context.js';
import { summaryView } from './saga-view.js';
import type { ActivityView } from './schemas-activity.js';

type OpenSteps = ActivityView['steps'];

const PAGE = 500;
/** However many sagas are open, so many are read. */
const MOST = 2_000;
const OPEN = ['running', 'compensating', 'suspended', 'stuck'] as const;
/** However many people look, the store is not asked more often. */
const FRESH_MS = 2_000;

/**
 * At which steps open sagas are.
 * Owns: the last answer and the question under way; there is one at a time. Does not own: the store.
 */
export class OpenStepsReading {
  private last: { readonly steps: OpenSteps; readonly at: number } | undefined;
  private asking: Promise<OpenSteps> | undefined;

  constructor(private readonly store: Pick<HttpContext['store'], 'list'>) {}

  async read(): Promise<OpenSteps> {
    if (this.last && performance.now() - this.last.at < FRESH_MS) return this.last.steps;
    return (this.asking ??= this.ask().finally(() => (this.asking = undefined)));
  }

  private async ask(): Promise<OpenSteps> {
    const counts = new Map<string, OpenSteps['counts'][number]>();
    let sagas = 0;
    let cursor: string | undefined;
    do {
      const page = await this.store.list({ status: OPEN, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
      for (const saga of page.sagas) countInto(counts, saga);
      sagas += page.sagas.length;
      cursor = page.cursor;
    } while (cursor !== undefined && sagas < MOST);
    const steps = { sagas, isAll: cursor === undefined, counts: [...counts.values()].toSorted(byPlace) };
    this.last = { steps, at: performance.now() };
    return steps;
  }
}

function countInto(counts: Map<string, OpenSteps['counts'][number]>, { state }: StoredSaga): void {
  const { name, version, at } = summaryView(state);
  for (const step of at) {
    const place = JSON.stringify([name, version, step]);
    const before = counts.get(place)?.count ?? 0;
    counts.set(place, { name, version, step, count: before + 1 });
  }
}

function byPlace(one: OpenSteps['counts'][number], other: OpenSteps['counts'][number]): number {
  return one.name.localeCompare(other.name) || one.version - other.version || other.count - one.count;
}
