import { Gauge, type Registry } from 'prom-client';
import type { Plan } from '../core/plan.js';
import type { Names } from '../core/wire.js';
import { Definitions } from '../engine/definitions.js';
import type { Clock } from '../ports/clock.js';
import type { QueueState, Transport } from '../ports/transport.js';
import { ScrapeReading } from './scrape-reading.js';

export interface QueueGaugesParts {
  readonly plans: readonly Plan[];
  readonly names: Names;
  readonly transport: Pick<Transport, 'queues'>;
  readonly clock: Clock;
  /** Those in use; the shared one is the default. */
  readonly replyQueues?: () => readonly string[];
}

/** What waits at the broker: for the participants of the definitions that are loaded, and for the daemons. A queue that is not there has no number. */
export function queueGauges(
  registry: Registry,
  { plans, names, transport, clock, replyQueues = () => [names.replies] }: QueueGaugesParts,
): void {
  const participants = [...new Definitions(plans).participants()].toSorted();
  const others = [names.starts, names.deadLetters, ...participants.map((name) => names.commands(name))];
  const reading = new ScrapeReading<readonly QueueState[]>(
    async () => (await transport.queues?.([...replyQueues(), ...others])) ?? [],
    clock,
  );
  const gauge = (name: string, help: string, valueOf: (state: QueueState) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['queue'],
      registers: [registry],
      async collect() {
        const states = await reading.read();
        this.reset();
        for (const state of states ?? []) this.set({ queue: state.name }, valueOf(state));
      },
    });
  gauge(
    'backstep_queue_messages',
    'Messages that wait in a queue at the broker, without those under way to a consumer.',
    ({ depth }) => depth,
  );
  gauge('backstep_queue_consumers', 'Who takes messages from that queue, in the whole installation.', ({ consumers }) => consumers);
}
