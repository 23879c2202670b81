import { createHash } from 'node:crypto';
import { isReplyQueue, type Addressed } from '../../../src/core/wire.js';
import type { Plan } from '../../../src/core/plan.js';
import { Orchestrator } from '../../../src/engine/orchestrator.js';
import type { EngineSettings } from '../../../src/engine/settings.js';
import { InProcessBroker, type Mishap as BrokerMishap } from '../../../src/memory/transport-broker.js';
import { Host } from '../../../src/participant/host.js';
import type { HostSettings } from '../../../src/participant/settings.js';
import type { Logger, LogFields } from '../../../src/ports/logger.js';
import { handlersOf as declarationOf } from '../../../src/saga/handlers.js';
import { Chance } from '../kit/chance.js';
import type { Case } from './case.js';
import { Counters } from './counters.js';
import { DatabaseClock } from './database-clock.js';
import type { Fault, Mishap, Traffic } from './faults.js';
import { Ledger } from './ledger.js';
import { Machine, type Life } from './life.js';
import { handlersOf, type Behaviour } from './participants.js';
import { planFor } from './random-sagas.js';
import { RawParticipant } from './raw-participant.js';
import { InboxDatabase, SimulatedInbox } from './simulated-inbox.js';
import { NAMES, QUEUES, type Scene, type Violation } from './scene.js';
import { SagaDatabase, SimulatedSagaStore } from './simulated-store.js';
import { SimulatedTransport, type BrokerWorld } from './simulated-transport.js';
import { VirtualTime } from './virtual-time.js';
import { Watcher } from './watcher.js';

const hash = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

const ENGINE: Partial<EngineSettings> = {
  namespace: 'sim',
  sweepMs: 15_000,
  daemonsMs: 30_000,
  moveFinishedMs: 60_000,
  maintainMs: 3_600_000,
};
const HOST: Partial<HostSettings> = { namespace: 'sim', pruneMs: 86_400_000 };

interface ArmedMishap {
  readonly fault: number;
  readonly traffic: Traffic;
  readonly mishap: Mishap;
  readonly ms: number;
  left: number;
}

/**
 * Everything that a case runs in: machines, databases, the broker, and what is recorded.
 * Owns: all of the simulated outside. Does not own: when what goes wrong (the run), or what is right (the checks).
 */
export class World implements Scene {
  readonly time = new VirtualTime();
  readonly counters = new Counters();
  readonly ledger = new Ledger();
  readonly chance: Chance;
  readonly broker: InProcessBroker;
  readonly sagas: SagaDatabase;
  readonly inboxes: Readonly<Record<'alpha' | 'beta', InboxDatabase>>;
  readonly machines = new Map<string, Machine>();
  readonly services = new Map<string, Orchestrator>();
  readonly transports = new Map<string, SimulatedTransport>();
  readonly plans: readonly Plan[];
  readonly violations: Violation[] = [];
  readonly watcher: Watcher;
  readonly wire: BrokerWorld;
  /** Replies that were published, for strays. */
  readonly pastReplies: Addressed[] = [];
  lines: string[] | undefined;
  /** Copies that are held back and still to come. */
  delayed = 0;
  isQuiet = false;
  wipedAt: number | undefined;
  /** Since when nothing goes wrong any more, by the database's clock. */
  quietAt = Infinity;
  private readonly armed: ArmedMishap[] = [];
  private readonly tries = new Map<string, number>();
  private ids = 0;

  constructor(readonly of: Case) {
    const { time, counters } = this;
    this.chance = new Chance(`${of.file.seed}/world`);
    this.broker = new InProcessBroker(time, (run) => void time.after(0, run));
    this.broker.mishap = (out) => this.mishapOf(out);
    this.sagas = new SagaDatabase(new DatabaseClock(time), this.chance.fork('saga database'), of.isOptimistic);
    this.inboxes = {
      alpha: new InboxDatabase(new DatabaseClock(time), this.chance.fork('alpha')),
      beta: new InboxDatabase(new DatabaseClock(time), this.chance.fork('beta')),
    };
    this.watcher = new Watcher(this);
    this.sagas.onCounted = (what) => counters.add(what);
    this.sagas.onCommitted = (seen) => this.watcher.committed(seen);
    for (const inbox of Object.values(this.inboxes)) {
      inbox.onCounted = (what) => counters.add(what);
      inbox.onClaimed = (asked, claims) => this.watcher.claimed(asked, claims);
      inbox.onStored = (rows) => this.watcher.stored(rows);
    }
    this.wire = {
      time,
      broker: this.broker,
      chance: this.chance.fork('network'),
      logger: this.logger('broker'),
      slow: 0.03,
      publisher: '',
      onCounted: (what) => counters.add(what),
      onPublished: (by, batch, outcomes) => this.watcher.published(by, batch, outcomes),
      onDelivered: (to, queue, deliveries) => this.watcher.delivered(to, queue, deliveries),
    };
    this.plans = of.shapes.map(planFor);
    for (const name of of.targets.orchestrators) this.add(name, (life) => this.bootOrchestrator(name, life));
    for (const name of of.targets.hosts) this.add(name, (life) => this.bootHost(name, life));
    this.add('raw1', (life) => this.bootRaw(life));
  }

  add(name: string, boot: (life: Life) => Promise<void>): Machine {
    const machine = new Machine(name, this, boot);
    this.machines.set(name, machine);
    return machine;
  }
  machine(name: string): Machine {
    return this.machines.get(name)!;
  }

  trace(text: string): void {
    this.time.note(text);
    this.lines?.push(`${this.time.elapsed.toFixed(2).padStart(12)}  ${text}`);
  }
  violate(id: string, text: string): void {
    this.trace(`VIOLATION ${id}: ${text}`);
    this.violations.push({ id, text });
  }

  crashed(): void {
    for (const { direction, end } of this.watcher.states.values()) {
      if (direction === 'backward' && !end) return this.counters.add('crash while undoing');
    }
  }

  // ---- processes

  connect(life: Life): SimulatedTransport {
    const transport = new SimulatedTransport(this.wire, life);
    this.transports.set(life.machine.name, transport);
    return transport;
  }

  private async bootOrchestrator(name: string, life: Life): Promise<void> {
    const isPartial = this.of.isRolledOut && name === 'o2' && !this.isQuiet && this.plans.length > 1;
    const chance = this.chance.fork(`${name} ${this.time.elapsed}`);
    const service = new Orchestrator({
      plans: isPartial ? this.plans.slice(1) : this.plans,
      store: new SimulatedSagaStore(this.sagas, life),
      transport: this.connect(life),
      clock: life,
      ids: { sagaId: () => this.nextId() },
      random: chance,
      logger: this.logger(name),
      hash,
      settings: { ...ENGINE, allowOrphans: isPartial },
    });
    await service.run();
    if (!life.isAlive) return;
    this.services.set(name, service);
    life.onDeath(() => this.services.get(name) === service && this.services.delete(name));
  }

  private async bootHost(name: string, life: Life): Promise<void> {
    const participant = name.slice(0, -1) as 'alpha' | 'beta' | 'plain';
    const inbox = participant === 'plain' ? undefined : new SimulatedInbox(this.inboxes[participant], life);
    const host = new Host({
      declarations: [declarationOf(handlersOf(participant, this.behaviourOn(life), takesMany(participant, this.of.file.seed)))],
      store: inbox,
      transport: this.connect(life),
      clock: life,
      logger: this.logger(name),
      settings: trustsEasily(this.of.file.seed) ? { ...HOST, trustFrom: 2, trustAfter: 2 } : HOST,
      observer: { answered: () => this.counters.add('command answered'), groupFailed: () => this.counters.add('group undone') },
    });
    await host.start();
  }

  private async bootRaw(life: Life): Promise<void> {
    const raw = new RawParticipant(this, life, this.connect(life));
    await raw.start();
  }

  /** What handlers do in a process. */
  behaviourOn(life: Life): Behaviour {
    return async (run, effect) => {
      const script = this.of.scripts.find(({ n }) => n === run.n)?.steps[run.step];
      if (!script) throw new Error(`nothing is scripted for ${run.step} of saga ${run.n}`);
      const isDoing = run.direction === 'action';
      await life.port('handler', () => this.time.sleep(isDoing ? script.takesMs : script.undoTakesMs));
      if (this.countTry(`${run.n} ${run.step} ${run.direction}`) <= (isDoing ? script.errors : script.undoErrors)) {
        this.counters.add(isDoing ? 'handler error' : 'compensation error');
        throw new Error('scripted to fail');
      }
      if (isDoing && script.fate === 'errors') throw new Error('scripted to fail always');
      if (isDoing && script.fate === 'rejects') return 'rejected';
      effect(() => {
        this.trace(`effect: ${run.direction} of ${run.step}, saga ${run.n}, by ${life.machine.name}`);
        this.ledger.add(run, this.time.elapsed);
      });
      return 'done';
    };
  }
  countTry(name: string): number {
    const tries = (this.tries.get(name) ?? 0) + 1;
    this.tries.set(name, tries);
    return tries;
  }

  nextId(): string {
    const time = this.time.now().toString(16).padStart(12, '0');
    const count = (++this.ids).toString(16).padStart(12, '0');
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${count}`;
  }

  private logger(who: string): Logger {
    const at = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: LogFields, message: string) => {
      if (this.lines && level !== 'debug') this.trace(`${who} ${level}: ${message} ${JSON.stringify(fields)}`);
      this.watcher.logged(who, level, fields, message);
    };
    return { debug: () => undefined, info: at('info'), warn: at('warn'), error: at('error') };
  }

  // ---- what goes wrong

  apply(fault: Fault): void {
    this.trace(`fault ${JSON.stringify(fault)}`);
    this.counters.add(`fault ${fault.kind}`);
    const later = (ms: number, run: () => void) => this.time.after(ms, run);
    const machine = 'machine' in fault ? this.machine(fault.machine) : undefined;
    switch (fault.kind) {
      case 'strike':
        machine!.strikes.push({
          fault: fault.id,
          port: fault.port,
          moment: fault.moment,
          what: fault.what,
          ms: fault.ms,
          again: fault.again,
        });
        return;
      case 'crash':
        return machine!.crash(fault.ms);
      case 'pause':
        return machine!.life?.stop(fault.ms);
      case 'cut-broker':
        machine!.linkIsUp = false;
        this.transports.get(fault.machine)?.cut();
        if (this.of.targets.all.every((name) => !this.machine(name).linkIsUp)) this.counters.add('swizzle');
        later(fault.ms, () => this.restoreLink(fault.machine));
        return;
      case 'cut-database':
        machine!.cutDatabase();
        later(fault.ms, () => (machine!.databaseReachable = true));
        return;
      case 'break-database':
        return machine!.breakDatabase();
      case 'commit':
        push(this.sagas.commitFates, fault.machine, fault.fate, fault.times);
        return;
      case 'inbox':
        for (const inbox of Object.values(this.inboxes)) push(inbox.commitFates, fault.machine, fault.fate, fault.times);
        return;
      case 'message':
        this.armed.push({ fault: fault.id, traffic: fault.traffic, mishap: fault.mishap, ms: fault.ms, left: fault.times });
        return;
      case 'broker-restart':
        this.broker.disconnect();
        later(fault.ms, () => this.broker.reconnect());
        return;
      case 'broker-alarm':
        this.broker.block();
        later(fault.ms, () => this.broker.unblock());
        return;
      case 'broker-wipe':
        this.wipedAt = this.time.elapsed;
        return this.broker.wipe();
      case 'queue-delete':
        this.wipedAt = this.time.elapsed;
        return this.broker.deleteQueue(queueAt(fault.queue));
      case 'queue-purge':
        this.wipedAt = this.time.elapsed;
        return this.broker.purgeQueue(queueAt(fault.queue));
      case 'exchange-delete':
        return this.broker.deleteExchange(NAMES.commandExchange);
      case 'database-down':
        return this.databaseDown(fault.which, fault.ms);
      case 'wall-clock':
        machine!.wallOffset += fault.ms;
        return;
      case 'database-clock':
        this.sagas.clock.offset += fault.ms;
        return;
      case 'rubbish':
        return this.watcher.throwRubbish(fault.form, fault.id);
      case 'stray':
        return this.stray(fault.which);
    }
  }

  /** Whatever is armed and was not used is taken back; what lasts ends by itself. */
  calm(): void {
    this.isQuiet = true;
    this.quietAt = this.sagas.clock.now();
    this.armed.length = 0;
    this.sagas.commitFates.clear();
    for (const inbox of Object.values(this.inboxes)) inbox.commitFates.clear();
    for (const machine of this.machines.values()) machine.strikes = [];
    if (this.of.isRolledOut) this.machine('o2').crash(10);
  }

  private restoreLink(name: string): void {
    const machine = this.machine(name);
    machine.linkIsUp = true;
    const restore = () => machine.linkIsUp && this.transports.get(name)?.restore();
    // A process that is stopped connects again when it goes on.
    if (machine.life?.isStopped) machine.life.enter(restore);
    else restore();
  }

  private databaseDown(which: number, ms: number): void {
    const server = [this.sagas, this.inboxes.alpha, this.inboxes.beta][which]!;
    const users =
      which === 0 ? this.of.targets.orchestrators : this.of.targets.hosts.filter((host) => host.startsWith(which === 1 ? 'alpha' : 'beta'));
    server.isUp = false;
    for (const name of users) this.machine(name).breakDatabase();
    this.time.after(ms, () => (server.isUp = true));
  }

  /** A message that was seen before comes once more, perhaps long after. */
  private stray(which: number): void {
    const past = this.pastReplies;
    if (past.length === 0) return;
    this.counters.add('stray reply');
    this.broker.publish(past[which % past.length]!);
  }

  private mishapOf(out: Addressed): BrokerMishap | undefined {
    if (this.armed.length === 0) return undefined;
    const traffic: Traffic | undefined =
      out.exchange === NAMES.commandExchange
        ? 'commands'
        : isReplyQueue(out.routingKey, NAMES)
          ? 'replies'
          : out.routingKey === NAMES.starts
            ? 'starts'
            : undefined;
    const at = this.armed.findIndex((one) => one.traffic === traffic);
    if (at < 0) return undefined;
    const armed = this.armed[at]!;
    if (--armed.left <= 0) this.armed.splice(at, 1);
    this.counters.add(`message: ${armed.mishap}`);
    this.trace(`#${armed.fault} ${armed.mishap}: ${out.message.messageId}`);
    return this.brokerMishap(armed, out);
  }

  private brokerMishap({ mishap, ms }: ArmedMishap, out: Addressed): BrokerMishap {
    const unknown = { fate: 'unknown', reason: 'no confirm in time' } as const;
    switch (mishap) {
      case 'lost-confirm':
        return { outcome: unknown };
      case 'nack':
        return { copies: 0, outcome: unknown };
      case 'returned':
        return { copies: 0, outcome: { fate: 'returned' } };
      case 'overtake':
        return { first: true };
      case 'delay':
        this.hold(ms, () => undefined);
        return { delayMs: ms };
      case 'duplicate':
        this.hold(ms, () => void this.broker.publish(out));
        return {};
    }
  }
  private hold(ms: number, then: () => void): void {
    this.delayed++;
    this.time.after(ms, () => {
      this.delayed--;
      then();
    });
  }
}

/** Every other two cases: few commands come together here, and many fail. */
function trustsEasily(seed: number): boolean {
  return (seed >> 1) % 2 === 1;
}

/** In every other case; two of three participants, so that both kinds of handlers meet in one saga. */
function takesMany(participant: 'alpha' | 'beta' | 'plain', seed: number): boolean {
  return participant !== 'alpha' && seed % 2 === 1;
}

function queueAt(index: number): string {
  return QUEUES[index % QUEUES.length]!;
}

function push<T>(map: Map<string, T[]>, key: string, value: T, times: number): void {
  const list = map.get(key) ?? [];
  map.set(key, [...list, ...Array.from({ length: times }, () => value)]);
}
