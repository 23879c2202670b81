import { Gauge, type Registry } from 'prom-client';
import type { Plan } from '../core/plan.js';
import type { Status } from '../core/state.js';
import type { Clock } from '../ports/clock.js';
import type { Names } from '../core/wire.js';
import type { Overview, SagaOverview } from '../ports/saga-overview.js';
import type { Transport } from '../ports/transport.js';
import { OTHER } from './labels.js';
import { queueGauges } from './queue-gauges.js';
import { ScrapeReading } from './scrape-reading.js';

export interface EngineGaugesParts {
  readonly plans: readonly Plan[];
  readonly store: SagaOverview;
  readonly names: Names;
  readonly transport: Pick<Transport, 'health' | 'queues'>;
  readonly clock: Clock;
  /** See `Orchestrator.load`. */
  readonly load: () => { readonly waiting: number; readonly unconfirmed: number };
  /** See `Orchestrator.replyQueues`. */
  readonly replyQueues: () => readonly string[];
}

const OPEN: readonly Status[] = ['running', 'compensating', 'suspended', 'stuck'];

/** What is read when somebody looks, and costs nothing otherwise. */
export function engineGauges(registry: Registry, { plans, store, names, transport, clock, load, replyQueues }: EngineGaugesParts): void {
  const registers = [registry];
  // What is open, and how late the oldest timer is.
  const reading = new ScrapeReading<Pick<Overview, 'open' | 'overdueMs'>>(() => store.overview({ limit: 0 }), clock);
  const named = new Set(plans.map(({ name }) => name));
  new Gauge({
    name: 'backstep_sagas_in_flight',
    help: 'Open sagas of the whole installation by status, counted by the database.',
    labelNames: ['saga', 'status'],
    registers,
    async collect() {
      const workload = await reading.read();
      this.reset();
      if (!workload) return;
      for (const saga of named) for (const status of OPEN) this.set({ saga, status }, 0);
      for (const { name, status, count } of workload.open) this.inc({ saga: named.has(name) ? name : OTHER, status }, count);
    },
  });
  new Gauge({
    name: 'backstep_timers_overdue_seconds',
    help: 'How long the oldest timer is due that nobody has looked at, in the whole installation, by the clock of the database.',
    registers,
    async collect() {
      const workload = await reading.read();
      if (workload) this.set(workload.overdueMs / 1_000);
      else this.remove();
    },
  });
  new Gauge({
    name: 'backstep_store_up',
    help: '1: the database has answered within the last 15 seconds, or does so now; 0: it does not.',
    registers,
    async collect() {
      this.set((await reading.read()) ? 1 : 0);
    },
  });
  new Gauge({
    name: 'backstep_broker_up',
    help: '1: the broker is connected and takes messages; 0: it is not, or does not.',
    registers,
    collect() {
      const { connected, blocked } = transport.health();
      this.set(connected && !blocked ? 1 : 0);
    },
  });
  new Gauge({
    name: 'backstep_work_waiting',
    help: 'Messages and calls in this process that are in no transaction yet.',
    registers,
    collect() {
      this.set(load().waiting);
    },
  });
  new Gauge({
    name: 'backstep_messages_unconfirmed',
    help: 'Messages that were published and not confirmed yet.',
    registers,
    collect() {
      this.set(load().unconfirmed);
    },
  });
  queueGauges(registry, { plans, names, transport, clock, replyQueues });
}
