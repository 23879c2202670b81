import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { SagaStore } from '../ports/saga-store.js';
import { Repeater } from './repeater.js';
import type { EngineSettings } from './settings.js';

/** What is done again and again so that the store stays as it should be. Any number of daemons may do it at once. */
export function housekeeping(
  store: SagaStore,
  settings: EngineSettings,
  parts: { readonly clock: Clock; readonly logger: Logger },
): readonly Repeater[] {
  const { moveFinishedBatch, deadLetterKeepMs, forgetBatch } = settings;
  const move = inBatches(moveFinishedBatch, (limit) => store.moveFinished(limit));
  const forget = inBatches(forgetBatch, (limit) => store.letters.forget(deadLetterKeepMs, limit));
  return [
    new Repeater('moving finished sagas', settings.moveFinishedMs, move, parts),
    new Repeater('the maintenance of the database', settings.maintainMs, () => store.maintain(), parts),
    new Repeater('forgetting old dead letters', settings.maintainMs, forget, parts),
  ];
}

function inBatches(most: number, work: (limit: number) => Promise<number>): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    while (!signal.aborted && (await work(most)) >= most);
  };
}
