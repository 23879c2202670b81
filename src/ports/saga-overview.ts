import type { Status } from '../core/state.js';
import type { DefinitionRef } from './definition-ref.js';
import type { FiguresQuery, VersionFigures } from './saga-figures.js';
import type { StoredSaga } from './saga-store.js';

/** Answers what a person or a scrape asks that looks at all sagas at once. Costs what is open, what began lately and a bounded number of finished ones, never all that is finished. */
export interface SagaOverview {
  /** One atomic act, but for the sagas themselves, which may be a moment younger than the counts. Reads every open row, so not for every second. */
  overview(query: OverviewQuery): Promise<Overview>;
  /** How steps went in the newest finished sagas; versions of which none has finished are left out. Throws SAGA_UNAVAILABLE where that takes too long. */
  figures(query: FiguresQuery): Promise<readonly VersionFigures[]>;
}
export interface OverviewQuery {
  /** Count the starts from this instant on; see {@link LONGEST_LOOK_BACK_MS}. */
  readonly since?: number;
  /** At most so many of the oldest and of the stuck ones; 0: the counts alone. */
  readonly limit: number;
}
export interface Overview {
  /** The store's clock, when it was counted. */
  readonly now: number;
  readonly open: readonly (DefinitionRef & { readonly status: Status; readonly count: number })[];
  /** How long ago the oldest timer was due that nobody has looked at, in milliseconds; 0: none is. */
  readonly overdueMs: number;
  /** Sagas that were started after `since`, wherever they are by now. `undefined`: nobody asked, or it is too long ago. */
  readonly started: readonly (DefinitionRef & { readonly count: number })[] | undefined;
  /** Running or compensating, oldest first. */
  readonly oldest: readonly StoredSaga[];
  /** Oldest first. */
  readonly stuck: readonly StoredSaga[];
}

/** Starts of a time longer ago are not counted: that would read all that began since. */
export const LONGEST_LOOK_BACK_MS = 300_000;
