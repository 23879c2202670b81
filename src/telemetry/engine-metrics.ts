import type { Registry } from 'prom-client';
import type { Plan } from '../core/plan.js';
import type { Names } from '../core/wire.js';
import type { EngineObserver } from '../engine/observer.js';
import { incomingQueue } from '../engine/refused-start.js';
import { LATENESS_SECONDS, SIZES, TRANSACTION_SECONDS } from './bounds.js';
import type { DeadLetterSeries } from './dead-letter-series.js';
import { sagaMetrics, SagaSeries } from './saga-series.js';
import { Counter, Histogram } from './series.js';

export interface EngineMetricsParts {
  readonly plans: readonly Plan[];
  readonly names: Names;
  readonly deadLetters: DeadLetterSeries;
}

/**
 * Turns what an engine tells of itself into numbers. It is called for every saga and every batch, so nothing is looked up here by its labels:
 * what there is to count is known from the plans that are loaded.
 */
export function engineMetrics(registry: Registry, { plans, names, deadLetters }: EngineMetricsParts): EngineObserver {
  const metrics = sagaMetrics(registry);
  const named = new Set(plans.map(({ name }) => name));
  const sagas = new Map(
    [...named].map((name) => {
      const versions = plans.filter((plan) => plan.name === name);
      return [name, new SagaSeries(metrics, name, versions)];
    }),
  );
  const items = new Histogram(registry, {
    name: 'backstep_batch_items',
    help: 'Messages, calls and timers in one transaction.',
    labels: ['kind'],
    bounds: SIZES,
  });
  const duration = new Histogram(registry, {
    name: 'backstep_batch_duration_seconds',
    help: 'From the beginning of a transaction to its commit, deciding included.',
    labels: ['kind'],
    bounds: TRANSACTION_SECONDS,
  });
  const batchOf = (kind: string) => ({ items: items.of(kind), duration: duration.of(kind) });
  const batches = { messages: batchOf('messages'), timers: batchOf('timers') };
  const published = new Counter(registry, {
    name: 'backstep_messages_published_total',
    help: 'Messages that were published, by what became of them: confirmed, returned, refused or unknown; each try counts.',
    labels: ['fate'],
  });
  const fates = {
    confirmed: published.of('confirmed'),
    returned: published.of('returned'),
    refused: published.of('refused'),
    unknown: published.of('unknown'),
  };
  const lateness = new Histogram(registry, {
    name: 'backstep_timer_lateness_seconds',
    help: 'How long after its instant the oldest timer of a look at the timers was looked at.',
    bounds: LATENESS_SECONDS,
  }).of();
  const stored = new Counter(registry, {
    name: 'backstep_dead_letters_stored_total',
    help: 'Dead letters that came into the table, whoever put them aside: this process, a participant or the broker.',
  }).of();
  const forgotten = new Counter(registry, {
    name: 'backstep_sagas_forgotten_total',
    help: 'Finished sagas that this process removed, since their retention is over.',
  }).of();
  deadLetters.announce([names.replies]);
  deadLetters.announce([names.starts, incomingQueue(names)], true);
  return {
    batchCommitted: ({ kind, items: size, ms }) => {
      batches[kind].items.record(size);
      batches[kind].duration.record(ms / 1_000);
    },
    sagaStarted: ({ name }) => sagas.get(name)?.begun(),
    sagaChanged: (state, history) => sagas.get(state.name)?.changed(state, history),
    sagaEnded: (state) => sagas.get(state.name)?.finished(state),
    published: (outcomes) => {
      for (const [fate, count] of outcomes) fates[fate].add(count);
    },
    timersSwept: ({ latenessMs }) => lateness.record(Math.max(0, latenessMs) / 1_000),
    deadLettered: (letter) => deadLetters.add(letter),
    deadLettersStored: (count) => stored.add(count),
    sagasForgotten: (count) => forgotten.add(count),
  };
}
