import { pass } from '../core/crash-points.js';
import { messageOf, SagaError } from '../core/errors.js';
import type { Plan } from '../core/plan.js';
import { namesIn, type Names } from '../core/wire.js';
import type { Clock } from '../ports/clock.js';
import type { Ids } from '../ports/ids.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import type { PayloadSealing } from '../ports/sealing.js';
import type { OrchestratorSigning } from '../ports/signing.js';
import type { SagaStore, StoredSaga } from '../ports/saga-store.js';
import type { Delivery, Transport } from '../ports/transport.js';
import { Aftermath } from './aftermath.js';
import { BatchLoop } from './batch-loop.js';
import { Connection } from './connection.js';
import { DeadLetterKeeper } from './dead-letter-keeper.js';
import { Definitions, sealedPlans } from './definitions.js';
import { FinalNotices } from './final-notices.js';
import { housekeeping } from './housekeeping.js';
import { Incoming } from './incoming.js';
import { replyWork, startWork } from './intake.js';
import { guarded, type EngineObserver } from './observer.js';
import { pause } from './pause.js';
import { Publisher } from './publisher.js';
import { assertKeys, registerDefinitions } from './registration.js';
import { Repeater } from './repeater.js';
import { ReplyQueues } from './reply-queues.js';
import type { Operated, OperatorEvent, SagaService, Started, StartRequest } from './service.js';
import { resolveSettings, type EngineSettings } from './settings.js';
import { Settler } from './settler.js';
import { prepareStart, type Hash } from './starter.js';
import { Sweeper } from './sweeper.js';
import { engineTopology } from './topology.js';
import type { EngineTracing } from './tracing.js';
import { Unsent } from './unsent.js';
import { Watch } from './watch.js';
import type { Caller, StartWork, Work } from './work.js';

/** What an engine is made of. It owns none of them: whoever gives them closes them after `stop`. */
export interface EngineParts {
  readonly plans: readonly Plan[];
  readonly store: SagaStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly logger: Logger;
  /** SHA-256 in hex. */
  readonly hash: Hash;
  readonly observer?: EngineObserver;
  /** Signs commands and judges replies and starts; without it messages are not signed. */
  readonly signing?: OrchestratorSigning;
  /** Seals what is sensitive in payloads; without it they are stored and sent as they are. */
  readonly sealing?: PayloadSealing;
  /** Absent: sagas are in the traces of their callers, and nothing is added to those. */
  readonly tracing?: EngineTracing;
  readonly settings?: Partial<EngineSettings>;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const DEAD_LETTER_PREFETCH = 100;
/** Whoever asks for problems is not kept waiting by a database that does not answer. */
const CHECK_WAIT_MS = 2_000;
/** Sagas whose commands are remembered while the broker is away. */
const MAX_UNSENT = 50_000;

/**
 * An engine that runs sagas: any number of them may share a database and a broker.
 * Owns: its loops, consumers, and whatever is between a queue and a transaction. Does not own: store, transport, clock.
 * Invariants: no state of a saga is kept here between batches; after `stop` nothing of it is running.
 */
export class Orchestrator implements SagaService {
  readonly settings: EngineSettings;
  private readonly known: Definitions;
  private readonly names: Names;
  private readonly notices = new FinalNotices();
  private readonly unsent: Unsent;
  private readonly publisher: Publisher;
  private readonly batches: BatchLoop;
  private readonly sweeper: Sweeper;
  private readonly incoming: Incoming;
  private readonly keeper: DeadLetterKeeper;
  private readonly connection: Connection;
  private readonly replies: ReplyQueues;
  private readonly housekeeping: readonly Repeater[];
  private readonly watching: Repeater;
  private checking: Promise<string[]> | undefined;
  private phase: 'new' | 'running' | 'stopped' = 'new';
  private forgetHealth: () => void = () => {};

  constructor(private readonly parts: EngineParts) {
    const { clock, store, transport, logger } = parts;
    const settings = (this.settings = resolveSettings(parts.settings));
    const definitions = (this.known = new Definitions(sealedPlans(parts.plans, parts.sealing)));
    const names = (this.names = namesIn(settings.namespace));
    const observer = guarded(parts.observer ?? {}, logger);
    const settler = new Settler();
    this.unsent = new Unsent(MAX_UNSENT);
    const inner = { ...parts, observer, settings, definitions, names, settler };
    const receiveReplies = (deliveries: readonly Delivery[]) => this.batches.add(replyWork(deliveries, names, parts.signing));
    this.replies = new ReplyQueues(inner, receiveReplies);
    this.publisher = new Publisher({ ...inner, replyTo: () => this.replies.replyTo }, (commands) => this.unsent.add(commands));
    const wakeIn = (ms: number) => this.sweeper.wakeIn(ms);
    const aftermath = new Aftermath({ ...inner, publisher: this.publisher, notices: this.notices, wakeIn });
    // A broker that takes nothing must not hold up starts: their commands are then left to the timers.
    const mayCommit = () => !this.publisher.isSaturated || !this.publisher.canPublish();
    this.batches = new BatchLoop({ ...inner, aftermath, mayCommit });
    this.sweeper = new Sweeper({ ...inner, aftermath, maySweep: () => this.publisher.canPublish() });
    this.incoming = new Incoming({
      ...inner,
      prepare: (request, sagaId) => this.prepare(request, sagaId),
      add: (works) => this.batches.add(works),
    });
    this.keeper = new DeadLetterKeeper({ ...inner });
    this.publisher.onRoom(() => this.batches.pump());
    this.connection = new Connection(
      { transport, clock, random: parts.random, logger, settings },
      engineTopology(names, definitions.participants()),
      [
        { queue: names.replies, prefetch: settings.prefetch, receive: receiveReplies },
        {
          queue: names.starts,
          prefetch: settings.prefetch,
          receive: (deliveries) => this.batches.add(startWork(deliveries, names, (request) => this.prepare(request), parts.signing)),
        },
        { queue: names.deadLetters, prefetch: DEAD_LETTER_PREFETCH, receive: (deliveries) => this.keeper.receive(deliveries) },
      ],
    );
    this.housekeeping = housekeeping(store, settings, { clock, logger, observer });
    const watch = new Watch({ store, clock, logger });
    this.watching = new Repeater('the look at clocks and database', settings.watchMs, () => watch.look(), { clock, logger });
  }

  /** What has come in and is in no transaction yet, and the messages on their way out that are not confirmed. */
  get load(): { readonly waiting: number; readonly unconfirmed: number } {
    return { waiting: this.batches.waiting, unconfirmed: this.publisher.unconfirmed };
  }

  /** Where replies wait: one queue, and where several daemons share the work those of each. */
  get replyQueues(): readonly string[] {
    return this.replies.inUse;
  }

  get definitions(): readonly Plan[] {
    return this.known.all;
  }

  /**
   * Checks the definitions against what is in flight, declares and consumes the queues, and runs. A broker that is away does not keep
   * it from starting: see `problems`. Throws SAGA_CONFIG_INVALID (keys that are missing), SAGA_DEFINITION_CHANGED, SAGA_DEFINITION_MISSING, SAGA_TOPOLOGY_CONFLICT, and what the
   * store throws when it cannot be used.
   */
  async run(): Promise<void> {
    if (this.phase !== 'new') throw new SagaError('SAGA_INTERNAL', 'an engine runs once');
    assertKeys(this.parts.signing, this.known);
    await registerDefinitions(this.parts.store, this.known, { allowOrphans: this.settings.allowOrphans, logger: this.parts.logger });
    this.phase = 'running';
    this.forgetHealth = this.parts.transport.onHealth(() => this.onHealth());
    try {
      await this.connection.open();
    } catch (error: unknown) {
      await this.stop();
      throw error;
    }
    this.sweeper.start();
    this.incoming.start();
    for (const loop of [this.replies, ...this.housekeeping, this.watching]) loop.start();
  }

  /** Takes nothing more, finishes what is in hand (for at most `drainMs`), and ends. What is left is delivered again or sent by timers. */
  async stop(): Promise<void> {
    if (this.phase === 'stopped') return;
    this.phase = 'stopped';
    this.forgetHealth();
    const { drainMs } = this.settings;
    // Takes nothing more from here on; what it has in hand is concluded with the batches.
    const incoming = this.incoming.stop();
    await this.within(drainMs, Promise.all([this.connection.close(), this.replies.stop()]));
    await this.within(drainMs, this.sweeper.stop());
    await this.batches.drain(drainMs);
    await this.within(drainMs, incoming);
    await Promise.all(
      [this.keeper.stop(), ...[...this.housekeeping, this.watching].map((loop) => loop.stop())].map((end) => this.within(drainMs, end)),
    );
  }

  async start(request: StartRequest): Promise<Started> {
    const work = this.prepare(request);
    return this.ask<Started>((caller) => ({ kind: 'start', ...work, caller }));
  }

  async startMany(requests: readonly StartRequest[]): Promise<readonly (Started | Error)[]> {
    const works: Work[] = [];
    const answers = requests.map((request): Promise<Started | Error> => {
      try {
        const prepared = this.prepare(request);
        return new Promise((answer) => works.push({ kind: 'start', ...prepared, caller: this.caller(answer) }));
      } catch (error: unknown) {
        return Promise.resolve(error instanceof Error ? error : new SagaError('SAGA_INTERNAL', messageOf(error)));
      }
    });
    this.batches.add(works);
    return Promise.all(answers);
  }

  async operate(id: string, event: OperatorEvent, ifVersions?: readonly number[]): Promise<Operated> {
    const sagaId = checkedId(id);
    return this.ask<Operated>((caller) => ({ kind: 'operate', sagaId, event, ifVersions, caller }));
  }

  async waitUntilFinal(id: string, waitMs: number): Promise<StoredSaga> {
    const { clock, store } = this.parts;
    const sagaId = checkedId(id);
    const until = clock.monotonic() + waitMs;
    const ended = new AbortController();
    let final: StoredSaga | undefined;
    const forget = this.notices.on(sagaId, (saga) => {
      final = saga;
      // A reason given spares an exception made for each.
      ended.abort('ended');
    });
    try {
      for (;;) {
        const saga = final ?? (await store.find(sagaId));
        if (!saga) throw notFound(id);
        const left = until - clock.monotonic();
        if (saga.state.end || left <= 0 || this.phase === 'stopped') return final ?? saga;
        // This process tells when it finishes the saga itself; another one has to be asked for.
        await pause(clock, Math.min(left, this.settings.pollMs), ended.signal);
      }
    } finally {
      forget();
    }
  }

  async problems(): Promise<readonly string[]> {
    if (this.phase !== 'running') return [this.phase === 'new' ? 'not started yet' : 'stopped'];
    const problems = await this.problemsOfStore();
    const { connected, blocked, lastError } = this.parts.transport.health();
    if (!connected)
      problems.push(
        `the broker cannot be reached${lastError ? ` (${lastError})` : ''}: starts are taken, commands are sent when it is back`,
      );
    else if (blocked) problems.push('the broker takes no messages (memory or disk alarm): commands are sent when it does again');
    else if (lastError) problems.push(`the broker: ${lastError}`);
    for (const { problem } of [this.connection, this.replies, this.batches, this.sweeper, this.incoming, this.keeper, ...this.housekeeping])
      if (problem) problems.push(problem);
    return problems;
  }

  /** One question at a time: on a line on which nothing moves each of them holds a connection until its time limit. */
  private async problemsOfStore(): Promise<string[]> {
    const asking = (this.checking ??= this.parts.store
      .check()
      .then(
        () => [],
        (error: unknown) => [messageOf(error)],
      )
      .finally(() => (this.checking = undefined)));
    const noAnswer = new Promise<string[]>((resolve) => {
      const timer = this.parts.clock.after(CHECK_WAIT_MS, () => resolve([`no answer from the database within ${CHECK_WAIT_MS} ms`]));
      void asking.then(() => timer.cancel());
    });
    return Promise.race([asking, noAnswer]);
  }

  private prepare(request: StartRequest, sagaId?: string): Omit<StartWork, 'kind' | 'caller'> {
    const { ids, hash, tracing, sealing } = this.parts;
    const { limits } = this.settings;
    const known = sagaId === undefined ? ids : { sagaId: () => sagaId };
    const prepared = prepareStart(request, { definitions: this.known, ids: known, hash, limits, tracing, sealing });
    pass('start.checked');
    return prepared;
  }

  private ask<T>(workFor: (caller: Caller<T>) => Work): Promise<T> {
    return new Promise((resolve, reject) => {
      const caller = this.caller<T>((result) => (result instanceof SagaError ? reject(result) : resolve(result)));
      this.batches.add([workFor(caller)]);
    });
  }
  private caller<T>(answer: (result: T | SagaError) => void): Caller<T> {
    return { via: 'call', answer, expiresAt: this.parts.clock.monotonic() + this.settings.callWaitMs };
  }

  private onHealth(): void {
    if (!this.publisher.canPublish()) return;
    this.batches.add(this.unsent.takeAll());
    this.batches.pump();
    this.sweeper.wakeIn(0);
  }

  private async within(ms: number, work: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    await Promise.race([work, pause(this.parts.clock, ms, over.signal)]);
    over.abort('over');
  }
}

function checkedId(id: string): string {
  const lower = id.toLowerCase();
  if (!UUID.test(lower)) throw notFound(id);
  return lower;
}
function notFound(id: string): SagaError {
  return new SagaError('SAGA_NOT_FOUND', `there is no saga ${id}`);
}
