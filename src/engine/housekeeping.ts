import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { SagaStore } from '../ports/saga-store.js';
import type { EngineObserver } from './observer.js';
import { Repeater } from './repeater.js';
import type { EngineSettings } from './settings.js';

/** What is done again and again so that the store stays as it should be. Any number of daemons may do it at once. */
export function housekeeping(
  store: SagaStore,
  settings: EngineSettings,
  parts: { readonly clock: Clock; readonly logger: Logger; readonly observer: EngineObserver },
): readonly Repeater[] {
  const { moveFinishedBatch, deadLetterKeepMs, forgetBatch } = settings;
  const move = inBatches(moveFinishedBatch, (limit) => store.moveFinished(limit));
  const forget = inBatches(forgetBatch, (limit) => store.letters.forget(deadLetterKeepMs, limit));
  const leave = async (signal: AbortSignal): Promise<void> => {
    let sagas = 0;
    while (!signal.aborted) {
      const more = await store.forgetFinished(forgetBatch);
      if (more === 0) break;
      parts.observer.sagasForgotten?.(more);
      sagas += more;
    }
    if (sagas > 0) parts.logger.info({ sagas }, 'sagas whose retention is over were removed');
  };
  return [
    new Repeater('moving finished sagas', settings.moveFinishedMs, move, parts),
    new Repeater('the maintenance of the database', settings.maintainMs, () => store.maintain(), parts),
    new Repeater('forgetting old dead letters', settings.maintainMs, forget, parts),
    new Repeater('removing sagas whose retention is over', settings.maintainMs, leave, parts),
  ];
}

function inBatches(most: number, work: (limit: number) => Promise<number>): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    while (!signal.aborted && (await work(most)) >= most);
  };
}
