import { pass } from '../core/crash-points.js';
import { SagaError } from '../core/errors.js';
import { namesIn } from '../core/wire.js';
import type { Clock } from '../ports/clock.js';
import type { InboxStore } from '../ports/inbox.js';
import type { Logger } from '../ports/logger.js';
import type { PayloadSealing } from '../ports/sealing.js';
import type { ParticipantSigning } from '../ports/signing.js';
import type { Consumer, Topology, Transport } from '../ports/transport.js';
import type { ParticipantDeclaration } from '../saga/participant-declaration.js';
import { Dispatcher } from './dispatcher.js';
import { Ending } from './ending.js';
import { Housekeeping } from './housekeeping.js';
import { Intake } from './intake.js';
import { Replies } from './replies.js';
import type { ParticipantObserver, Runtime } from './runtime.js';
import { resolveHostSettings, type HostSettings } from './settings.js';
import { sealedDeclaration } from './sealing.js';
import type { ParticipantTracing } from './tracing.js';

/** What a host is made of. Transport and store are the caller's: it opens and closes them. */
export interface HostParts {
  readonly declarations: readonly ParticipantDeclaration[];
  /** `undefined`: nothing is recorded, so only participants whose contract says `inbox: false` can be hosted. */
  readonly store: InboxStore<unknown> | undefined;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings?: Partial<HostSettings>;
  readonly observer?: ParticipantObserver;
  /** Signs replies and judges commands; without it messages are not signed. */
  readonly signing?: ParticipantSigning;
  /** Opens requests and seals replies; without it replies are sent as they are. */
  readonly sealing?: PayloadSealing;
  readonly tracing?: ParticipantTracing;
}

/** How long one process waits for another that prepares the same participants. */
const PREPARE_WAIT_MS = 60_000;
/** The last part of the drain: handlers that still run are told to come to an end. */
const LAST_CALL = 0.2;
/** The prefetch of batches is at least so much of the setting: one in so many. */
const MOST_SPARED = 10;

/**
 * Runs participants: consumes their commands, lets the handlers run, answers.
 * Owns: the consumers and everything behind them. Does not own: transport, store, and the handlers' own resources.
 * Invariant: a delivery is settled as done only after its answer is in the reply queue; whatever else happens, its command comes again.
 */
export class Host {
  private readonly runtime: Runtime;
  private readonly ending = new Ending();
  private readonly replies: Replies;
  private readonly lanes: readonly {
    readonly intake: Intake;
    readonly dispatcher: Dispatcher;
    readonly queue: string;
    readonly prefetch: number;
  }[];
  private readonly housekeeping: Housekeeping;
  private consumers: Consumer[] = [];
  private stopping: Promise<void> | undefined;

  constructor(private readonly parts: HostParts) {
    const settings = resolveHostSettings(parts.settings);
    const names = namesIn(settings.namespace);
    const { store, transport, clock, logger, observer = {}, signing, sealing, tracing } = parts;
    const declarations = parts.declarations.map((each) => sealedDeclaration(each, sealing));
    const horizonMs = Math.max(settings.horizonMs, ...horizonsOf(declarations));
    this.runtime = {
      store,
      transport,
      clock,
      logger,
      settings,
      names,
      horizonMs,
      observer,
      signing,
      sealing,
      tracing,
      ending: this.ending,
    };
    this.replies = new Replies(this.runtime);
    this.lanes = declarations.map((declaration) => {
      const queue = names.commands(declaration.participant);
      const dispatcher = new Dispatcher(this.runtime, declaration.participant, this.replies);
      return {
        queue,
        dispatcher,
        prefetch: prefetchOf(declaration, settings),
        intake: new Intake(this.runtime, declaration, dispatcher, this.replies, queue),
      };
    });
    this.housekeeping = new Housekeeping(this.runtime);
  }

  /** Prepares the store, declares the queues, consumes. Throws when something is declared wrongly or cannot be reached. */
  async start(): Promise<void> {
    assertInbox(this.parts.declarations, this.runtime.store !== undefined);
    assertSigning(this.parts);
    await this.prepare();
    const { transport } = this.runtime;
    await transport.declare(this.topology());
    for (const { queue, intake, prefetch } of this.lanes) this.consumers.push(await transport.consume(queue, { prefetch }, intake.receive));
    this.housekeeping.start();
    const participants = this.parts.declarations.map(({ participant }) => participant);
    const { connected, lastError } = transport.health();
    if (connected) this.runtime.logger.info({ participants }, 'participants are up');
    else this.runtime.logger.warn({ participants, reason: lastError }, 'participants are up, but the broker cannot be reached yet');
  }

  /** Takes nothing new, finishes what is under way for at most `drainMs`, gives the rest back to the queues. */
  stop(): Promise<void> {
    this.stopping ??= this.drain();
    return this.stopping;
  }

  private async drain(): Promise<void> {
    const { clock, settings } = this.runtime;
    for (const { dispatcher } of this.lanes) dispatcher.halt();
    await Promise.all(this.consumers.map((consumer) => consumer.stop()));
    const lastCall = clock.after(settings.drainMs * (1 - LAST_CALL), () => this.ending.end());
    let end: () => void = () => undefined;
    const over = new Promise<void>((resolve) => (end = resolve));
    const timer = clock.after(settings.drainMs, end);
    await Promise.race([this.finish(), over]);
    timer.cancel();
    lastCall.cancel();
    this.ending.end();
  }

  private async finish(): Promise<void> {
    await Promise.all(this.lanes.map(({ dispatcher }) => dispatcher.stop()));
    await this.replies.idle();
    await this.housekeeping.stop();
  }

  private async prepare(): Promise<void> {
    const { store } = this.runtime;
    if (!store) return;
    await store.migrate();
    for (const { participant, prepare } of this.parts.declarations) {
      if (!prepare) continue;
      const held = await store.exclusively(`prepare ${participant}`, PREPARE_WAIT_MS, () => {
        pass('prepare.locked');
        return store.transact(async (session) => {
          await prepare(session.tx);
          pass('prepare.ran');
        });
      });
      if (held.fate === 'busy') throw new SagaError('SAGA_UNAVAILABLE', `another process has been preparing '${participant}' for too long`);
      const result = held.fate === 'done' ? held.value : held;
      if (result.fate !== 'committed') throw notPrepared(participant, result.error);
      pass('prepare.committed');
    }
  }

  private topology(): Topology {
    const { names, settings } = this.runtime;
    const { declarations } = this.parts;
    return {
      exchanges: [{ name: names.commandExchange, kind: 'direct' }],
      queues: [
        ...declarations.map(({ participant }) => ({ name: names.commands(participant), deliveryLimit: settings.deliveryLimit })),
        { name: names.deadLetters },
      ],
      bindings: declarations.map(({ participant }) => ({
        exchange: names.commandExchange,
        routingKey: participant,
        queue: names.commands(participant),
      })),
    };
  }
}

/** Messages at a time. Batches are rarely full, so that what they could hold together may be more than the setting says. */
function prefetchOf({ batch = 1 }: ParticipantDeclaration, { prefetch }: HostSettings): number {
  return Math.ceil(prefetch / Math.min(batch, MOST_SPARED));
}

function horizonsOf(declarations: readonly ParticipantDeclaration[]): number[] {
  return declarations.flatMap(({ commands }) => [...commands.values()].map(({ horizonMs }) => horizonMs ?? 0));
}

function assertInbox(declarations: readonly ParticipantDeclaration[], hasInbox: boolean): void {
  if (hasInbox) return;
  const faults = declarations
    .filter(({ inbox }) => inbox)
    .map(({ participant }) => `'${participant}' promises an inbox; give the host one, or say { inbox: false } in its contract`);
  if (faults.length > 0) throw new SagaError('SAGA_CONFIG_INVALID', 'participants without an inbox:', faults);
}

function assertSigning({ declarations, signing }: HostParts): void {
  const faults = signing?.participantFaults(declarations.map(({ participant }) => participant)) ?? [];
  if (faults.length > 0) throw new SagaError('SAGA_CONFIG_INVALID', 'the signing keys do not suffice for these participants:', faults);
}

function notPrepared(participant: string, cause: unknown): SagaError {
  return new SagaError(
    'SAGA_UNAVAILABLE',
    `'${participant}' could not be prepared: ${cause instanceof Error ? cause.message : String(cause)}`,
    [],
    { cause },
  );
}
