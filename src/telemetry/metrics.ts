import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Plan } from '../core/plan.js';
import type { Names } from '../core/wire.js';
import type { EngineObserver } from '../engine/observer.js';
import type { ParticipantObserver } from '../participant/runtime.js';
import type { ParticipantDeclaration } from '../saga/participant-declaration.js';
import { DeadLetterSeries } from './dead-letter-series.js';
import { engineGauges, type EngineGaugesParts } from './engine-gauges.js';
import { engineMetrics } from './engine-metrics.js';
import { participantMetrics } from './participant-metrics.js';

/**
 * What a process tells Prometheus: of an engine, of hosted participants, or of both, and always of itself. docs/metrics.md lists it.
 * Owns: the registry. Does not own: what it is told about.
 */
export class Metrics {
  readonly registry = new Registry();
  private readonly deadLetters = new DeadLetterSeries(this.registry);

  /** The observer that an engine with these plans is to be given; once. */
  engine(plans: readonly Plan[], names: Names): EngineObserver {
    return engineMetrics(this.registry, { plans, names, deadLetters: this.deadLetters });
  }

  /** What is read from that engine and its surroundings at a scrape; once. */
  gauges(parts: EngineGaugesParts): void {
    engineGauges(this.registry, parts);
  }

  /** The observer that hosts of these participants are to be given; once. */
  participants(declarations: readonly ParticipantDeclaration[], names: Names): ParticipantObserver {
    return participantMetrics(this.registry, { declarations, names, deadLetters: this.deadLetters });
  }

  /** What a scrape is answered with. */
  async scrape(): Promise<{ readonly contentType: string; readonly text: string }> {
    const texts = await Promise.all([this.registry.metrics(), processRegistry().metrics()]);
    return { contentType: this.registry.contentType, text: texts.join('\n') };
  }
}

let ofThisProcess: Registry | undefined;
/** CPU, memory, garbage collection, lag of the event loop: however many registries a process has, it watches itself once. */
export function processRegistry(): Registry {
  if (!ofThisProcess) {
    ofThisProcess = new Registry();
    collectDefaultMetrics({ register: ofThisProcess });
  }
  return ofThisProcess;
}
