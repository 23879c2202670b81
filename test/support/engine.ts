import { createHash } from 'node:crypto';
import { decodeCommands, type DecodedCommand } from '../../src/core/codec-commands.js';
import { encodeReply } from '../../src/core/codec-replies.js';
import type { Plan } from '../../src/core/plan.js';
import type { Outcome } from '../../src/core/state.js';
import { namesIn, type Message, type Names, type ReplyMessage } from '../../src/core/wire.js';
import type { EngineObserver } from '../../src/engine/observer.js';
import { Orchestrator } from '../../src/engine/orchestrator.js';
import { commandQueue } from '../../src/engine/topology.js';
import type { EngineSettings } from '../../src/engine/settings.js';
import type { EngineTracing } from '../../src/engine/tracing.js';
import { InMemorySagaStore } from '../../src/memory/in-memory-saga-store.js';
import { InProcessTransport } from '../../src/memory/in-process-transport.js';
import { InProcessBroker } from '../../src/memory/transport-broker.js';
import type { Logger, LogFields } from '../../src/ports/logger.js';
import type { SagaOverview } from '../../src/ports/saga-overview.js';
import type { Committed, Loaded, SagaStore, Writes } from '../../src/ports/saga-store.js';
import type { PayloadSealing } from '../../src/ports/sealing.js';
import type { Consumer, Delivery, Outgoing, PublishOutcome, Transport } from '../../src/ports/transport.js';
import type { MessageSigning } from '../../src/signing/message-signing.js';
import { ManualClock, turns } from './manual-clock.js';

export const hash = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** What was logged, for tests that look. */
export class LogBook implements Logger {
  readonly lines: { readonly level: string; readonly fields: LogFields; readonly message: string }[] = [];
  debug = this.at('debug');
  info = this.at('info');
  warn = this.at('warn');
  error = this.at('error');
  count(part: string): number {
    return this.lines.filter(({ message }) => message.includes(part)).length;
  }
  private at(level: string) {
    return (fields: LogFields, message: string): void => void this.lines.push({ level, fields, message });
  }
}

let issued = 0;
export function nextSagaId(): string {
  issued += 1;
  return `00000000-0000-7000-8000-${String(issued).padStart(12, '0')}`;
}

/** How a participant answers; `undefined`: not at all. */
export type Script = (command: DecodedCommand) => Partial<Pick<ReplyMessage, 'outcome' | 'body' | 'attempt'>> | undefined;
export const succeeds: Script = () => ({});

/** A world around one engine: broker, store, clock and a scripted participant, all in this process; time stands still. */
export class EngineWorld {
  readonly clock: ManualClock;
  readonly broker: InProcessBroker;
  readonly inner: InMemorySagaStore;
  readonly store: SagaStore & SagaOverview;
  readonly logs = new LogBook();
  readonly names = namesIn('backstep');
  readonly engine: Orchestrator;
  readonly transport: Transport;
  /** Every command that reached the participant, in order. */
  readonly received: DecodedCommand[] = [];
  /** Every commit's number of sagas and starts asked for. */
  readonly commits: (readonly string[])[] = [];
  /** Replaces the next commits. */
  readonly commitFaults: (<R>(ids: readonly string[], decide: (loaded: Loaded) => Writes<R>) => Promise<Committed<R>> | undefined)[] = [];
  /** May replace outcomes of publishing, or hold them back. */
  onPublish:
    ((batch: readonly Outgoing[], publish: () => Promise<readonly PublishOutcome[]>) => Promise<readonly PublishOutcome[]>) | undefined;
  readonly settled: { readonly message: Message; readonly verdict: 'done' | 'requeue' }[] = [];
  script: Script = succeeds;
  /** What the participants sign with. */
  participantSigning: MessageSigning | undefined;
  private readonly outside: InProcessTransport;

  constructor(options: {
    readonly plans: readonly Plan[];
    readonly settings?: Partial<EngineSettings>;
    readonly observer?: EngineObserver;
    /** Of the engine; the participants' is set apart. */
    readonly signing?: MessageSigning;
    /** Of the engine alone. */
    readonly sealing?: PayloadSealing | undefined;
    readonly tracing?: (parts: { readonly names: Names; readonly logger: Logger; readonly transport: Transport }) => EngineTracing;
    /** Another engine's world, to share its servers and clock. */
    readonly beside?: EngineWorld;
  }) {
    const { beside } = options;
    this.clock = beside?.clock ?? new ManualClock();
    this.broker = beside?.broker ?? new InProcessBroker(this.clock);
    this.inner = beside?.inner ?? new InMemorySagaStore(this.clock);
    this.store = this.observedStore();
    const ownTransport = () => new InProcessTransport({ broker: this.broker, clock: this.clock, logger: this.logs });
    this.transport = this.observedTransport(ownTransport());
    this.outside = ownTransport();
    this.engine = new Orchestrator({
      plans: options.plans,
      store: this.store,
      transport: this.transport,
      clock: this.clock,
      ids: { sagaId: nextSagaId },
      random: { next: () => 0.5 },
      logger: this.logs,
      hash,
      ...(options.observer ? { observer: options.observer } : {}),
      ...(options.signing ? { signing: options.signing } : {}),
      ...(options.sealing ? { sealing: options.sealing } : {}),
      ...(options.tracing ? { tracing: options.tracing({ names: this.names, logger: this.logs, transport: this.transport }) } : {}),
      settings: { namespace: 'backstep', ...options.settings },
    });
  }

  /** Runs the engine, and a participant `p` that answers by the script. */
  async open(participants: readonly string[] = ['p']): Promise<this> {
    await this.engine.run();
    for (const participant of participants) {
      await this.outside.declare({ exchanges: [], queues: [commandQueue(this.names, participant)], bindings: [] });
      await this.outside.consume(this.names.commands(participant), { prefetch: 100 }, (deliveries) => this.answer(deliveries, participant));
    }
    await turns();
    return this;
  }

  async reply(commandId: string, outcome: Outcome = 'success', body = '', attempt?: number, by = 'p', replyTo = ''): Promise<void> {
    const facts = { appId: 'test', now: this.clock.now(), replyTo };
    const reply = encodeReply({ commandId, outcome, body, attempt }, this.names, facts);
    await this.outside.publish([this.participantSigning?.signReply(reply, by) ?? reply]);
  }
  async publish(...batch: readonly Outgoing[]): Promise<readonly PublishOutcome[]> {
    return this.outside.publish(batch);
  }
  async consume(queue: string, receive: (deliveries: readonly Delivery[]) => void): Promise<Consumer> {
    await this.outside.declare({ exchanges: [], queues: [{ name: queue }], bindings: [] });
    return this.outside.consume(queue, { prefetch: 1_000 }, receive);
  }

  private answer(deliveries: readonly Delivery[], participant: string): void {
    for (const delivery of deliveries) {
      const command = decodeCommands(delivery.message, '').commands[0]!;
      this.received.push(command);
      const given = this.script(command);
      delivery.settle('done');
      if (given)
        void this.reply(
          command.id,
          given.outcome ?? 'success',
          given.body ?? '',
          'attempt' in given ? given.attempt : command.attempt,
          participant,
          delivery.message.replyTo,
        );
    }
  }

  private observedStore(): SagaStore & SagaOverview {
    const commit: SagaStore['commit'] = (ids, decide) => {
      this.commits.push(ids);
      return this.commitFaults.shift()?.(ids, decide) ?? this.inner.commit(ids, decide);
    };
    return new Proxy<SagaStore & SagaOverview>(this.inner, {
      get: (target, name) => {
        if (name === 'commit') return commit;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  private observedTransport(transport: InProcessTransport): Transport {
    const receiveVia = (receive: (deliveries: readonly Delivery[]) => void) => (deliveries: readonly Delivery[]) =>
      receive(
        deliveries.map((delivery) => ({
          message: delivery.message,
          redelivered: delivery.redelivered,
          settle: (verdict) => {
            this.settled.push({ message: delivery.message, verdict });
            delivery.settle(verdict);
          },
        })),
      );
    return {
      declare: (topology) => transport.declare(topology),
      publish: (batch) => this.onPublish?.(batch, () => transport.publish(batch)) ?? transport.publish(batch),
      consume: (queue, options, receive) => transport.consume(queue, options, receiveVia(receive)),
      health: () => transport.health(),
      queues: (names) => transport.queues(names),
      claim: (names) => transport.claim(names),
      onHealth: (listener) => transport.onHealth(listener),
      close: () => transport.close(),
    };
  }
}

/** Lets things happen until the condition holds; no time passes. Throws when it does not come to hold. */
export async function until(condition: () => boolean | Promise<boolean>, what = condition.toString()): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await condition()) return;
    await turns(1);
  }
  throw new Error(`it does not come to hold: ${what}`);
}

/** A promise that a test resolves itself. */
export function held<T>(): { readonly promise: Promise<T>; release(value: T): void } {
  let release!: (value: T) => void;
  const promise = new Promise<T>((resolve) => (release = resolve));
  return { promise, release: (value) => release(value) };
}
