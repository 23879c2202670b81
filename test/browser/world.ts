import { decodeCommands, type DecodedCommand } from '../../src/core/codec-commands.js';
import { encodeReply } from '../../src/core/codec-replies.js';
import type { CommandStep, Given, Plan } from '../../src/core/plan.js';
import { namesIn } from '../../src/core/wire.js';
import { commandQueue } from '../../src/engine/topology.js';
import { InMemoryActivityLog } from '../../src/memory/in-memory-activity-log.js';
import { InMemorySagaStore } from '../../src/memory/in-memory-saga-store.js';
import { InProcessTransport } from '../../src/memory/in-process-transport.js';
import { InProcessBroker } from '../../src/memory/transport-broker.js';
import { createDaemon, type Daemon } from '../../src/main/daemon.js';
import { SystemClock } from '../../src/main/system.js';
import { closeAtEnd } from '../support/closing.js';
import { LogBook } from '../support/engine.js';
import { planFrom, type StepSpec } from '../support/plans.js';

/** What becomes of an order; its input says so. */
export type Fate = 'fine' | 'declined' | 'hangs' | 'flaky' | 'mail-fails' | 'release-fails' | 'courier-says';
export interface Order {
  readonly orderId: string;
  readonly fate: Fate;
  readonly note?: unknown;
}

const request = ({ input }: Given) => input;
const SHOP: readonly (StepSpec & { readonly by: string; readonly undo?: string })[] = [
  { name: 'reserve', by: 'inventory', undo: 'release', undoAttempts: 1, needs: [], request, undoRequest: request },
  { name: 'courier', by: 'shipping', undo: 'cancel', needs: [], request, undoRequest: request },
  {
    name: 'charge',
    by: 'payments',
    undo: 'refund',
    needs: ['reserve', 'courier'],
    attempts: 5,
    timeoutMs: 600_000,
    rejections: ['card-declined'],
    request,
    undoRequest: request,
  },
  { name: 'dispatch', by: 'shipping', kind: 'pivot', request },
  { name: 'confirm', by: 'mail', kind: 'retriable', attempts: 1, request },
];

/** As `sagas/place-order` is, without its participants' databases. */
function shopPlan(version: number): Plan {
  const plan = planFrom({ steps: SHOP, deadlineMs: 3_600_000 });
  const steps = plan.steps.map((step) => {
    const { by, undo } = SHOP.find(({ name }) => name === step.name)!;
    const { action, compensation } = step as CommandStep;
    return {
      ...step,
      action: { ...action, participant: by, type: `${by}.${step.name}` },
      compensation: compensation && { ...compensation, participant: by, type: `${by}.${undo}` },
    };
  });
  const keyOf = (input: unknown) => (input as Order).orderId;
  return { ...plan, name: 'place-order', version, fingerprint: `shop-${version}`, steps, keyOf } as Plan;
}

/** A daemon with everything in memory, and participants that do what an order's fate says. */
export class Shop {
  readonly names = namesIn('backstep');
  readonly logs = new LogBook();
  daemon!: Daemon;
  /** What participants do has changed since: what failed works now. */
  isMended = false;
  private readonly clock = new SystemClock();
  private readonly broker = new InProcessBroker(this.clock);
  private readonly outside = this.transport();

  async open(): Promise<this> {
    const { clock, logs } = this;
    this.daemon = await createDaemon({
      plans: [shopPlan(1), shopPlan(2)],
      store: new InMemorySagaStore(clock),
      activityLog: new InMemoryActivityLog(),
      transport: this.transport(),
      logger: logs,
      http: { host: '127.0.0.1', port: 0 },
      traceUrl: 'https://traces.example/{traceId}',
      dashboard: 'dist/src/dashboard/static',
    });
    closeAtEnd(async () => {
      await this.daemon.stop();
      await this.outside.close();
    });
    for (const participant of ['inventory', 'shipping', 'payments']) {
      await this.outside.declare({ exchanges: [], queues: [commandQueue(this.names, participant)], bindings: [] });
      await this.consume(participant);
    }
    return this;
  }

  /** The mail room comes late. */
  async consume(participant: string): Promise<void> {
    await this.outside.consume(this.names.commands(participant), { prefetch: 100 }, (deliveries) => {
      for (const delivery of deliveries) {
        delivery.settle('done');
        void this.answer(decodeCommands(delivery.message, '').commands[0]!);
      }
    });
  }

  async start(
    orderId: string,
    fate: Fate,
    more: { readonly note?: unknown; readonly tags?: Record<string, string>; readonly traceparent?: string } = {},
  ): Promise<string> {
    const { tags, traceparent, ...rest } = more;
    const started = await this.daemon.orchestrator.start({
      name: 'place-order',
      input: { orderId, fate, ...rest },
      ...(tags ? { tags } : {}),
      ...(traceparent === undefined ? {} : { traceparent }),
    });
    return started.id;
  }

  /** Answers a command that hangs. */
  async succeed(sagaId: string, step: string): Promise<void> {
    await this.reply(`${sagaId}.${step}.a.1`, 'success', JSON.stringify({ receipt: 'R-1' }));
  }

  /** Something that no daemon can read. */
  async rubbish(text: string): Promise<void> {
    const facts = { appId: 'test', now: this.clock.now() };
    await this.outside.publish([encodeReply({ commandId: text, outcome: 'success', body: '{}', attempt: 1 }, this.names, facts)]);
  }

  private async answer({ id, step, phase, attempt, request: asked }: DecodedCommand): Promise<void> {
    const { fate, note } = asked as unknown as Order;
    const place = `${step}.${phase}`;
    const fails = (code: string, message: string) => this.reply(id, 'error', JSON.stringify({ code, message }), attempt);
    if (place === 'charge.a' && fate === 'hangs') return;
    if (place === 'charge.a' && fate === 'flaky' && attempt === 1) return fails('gateway-closed', 'the card gateway closed the connection');
    if (place === 'charge.a' && (fate === 'declined' || fate === 'release-fails'))
      return this.reply(id, 'rejected', JSON.stringify({ code: 'card-declined', message: 'the bank said no' }), attempt);
    if (place === 'confirm.a' && fate === 'mail-fails' && !this.isMended)
      return fails('smtp-550', typeof note === 'string' ? note : 'the mail server takes nothing');
    if (place === 'reserve.c' && fate === 'release-fails' && !this.isMended) return fails('locked', 'the shelf is being counted');
    return this.reply(id, 'success', JSON.stringify(fate === 'courier-says' ? note : { receipt: `R-${step}` }), attempt);
  }

  private async reply(commandId: string, outcome: 'success' | 'rejected' | 'error', body: string, attempt?: number): Promise<void> {
    const facts = { appId: 'test', now: this.clock.now() };
    await this.outside.publish([encodeReply({ commandId, outcome, body, attempt }, this.names, facts)]);
  }

  private transport(): InProcessTransport {
    return new InProcessTransport({ broker: this.broker, clock: this.clock, logger: this.logs });
  }
}
