import type { Clock, Timer } from '../../../src/ports/clock.js';
import type { Counters } from './counters.js';
import type { VirtualTime } from './virtual-time.js';

/** Where a process waits for somebody else: all the places at which it can die or be stopped. */
export const PORTS = [
  'store.commit',
  'store.sweep',
  'store.other',
  'inbox.begin',
  'inbox.claim',
  'inbox.write',
  'inbox.commit',
  'inbox.lock',
  'broker.publish',
  'broker.settle',
  'broker.setup',
  'handler',
] as const;
export type Port = (typeof PORTS)[number];
/** Before the act takes effect; between its halves (where it has two); after it, before the process learns of it. */
export type Moment = 'before' | 'middle' | 'after';

/** What befalls a process at its next act of a port. */
export interface Strike {
  readonly fault: number;
  readonly port: Port;
  readonly moment: Moment;
  readonly what: 'crash' | 'pause';
  /** Down, or stopped, for so long. */
  readonly ms: number;
  /** So many more times after the first, each time that it is up again. */
  readonly again: number;
  /** Not the first time. */
  readonly isRepeated?: boolean;
}

/** What a process lives in. */
export interface Surroundings {
  readonly time: VirtualTime;
  readonly counters: Counters;
  trace(text: string): void;
  /** A process has died. */
  crashed(): void;
}

/**
 * A machine: what stays when its process dies.
 * Owns: the offset of its wall clock, what is going to befall it, and whether its way to the database is open.
 */
export class Machine {
  life: Life | undefined;
  wallOffset = 0;
  databaseReachable = true;
  /** Counts up whenever the connections to the database break. */
  databaseEpoch = 0;
  linkIsUp = true;
  strikes: Strike[] = [];

  constructor(
    readonly name: string,
    readonly around: Surroundings,
    private readonly boot: (life: Life) => Promise<void>,
  ) {}

  start(): void {
    const life = new Life(this);
    this.life = life;
    this.around.trace(`${this.name} starts`);
    this.boot(life).catch((error: unknown) => {
      if (!life.isAlive) return;
      this.around.trace(`${this.name} could not start: ${String(error)}`);
      life.crash(1_000);
    });
  }

  crash(ms: number): void {
    this.life?.crash(ms);
  }

  cutDatabase(): void {
    this.databaseReachable = false;
    this.breakDatabase();
  }
  /** What is open is lost; it can be connected to again at once if it is reachable. */
  breakDatabase(): void {
    this.databaseEpoch++;
    this.life?.databaseBroke();
  }
}

/**
 * One process, from its start to its death.
 * Owns: whether anything of it runs. Invariants: once dead nothing of it runs any more, no promise of its ports settles and no timer fires;
 * while it is stopped whatever comes waits, in order, and time passes without it.
 */
export class Life implements Clock {
  isAlive = true;
  private waiting: (() => void)[] | undefined;
  private readonly atDeath: (() => void)[] = [];
  private readonly atStop: ((ms: number) => void)[] = [];
  private readonly databaseListeners = new Set<() => void>();

  constructor(readonly machine: Machine) {}

  private get around(): Surroundings {
    return this.machine.around;
  }
  get isStopped(): boolean {
    return this.waiting !== undefined;
  }

  // ---- what it sees of time

  now(): number {
    return this.around.time.now() + this.machine.wallOffset;
  }
  monotonic(): number {
    return this.around.time.monotonic();
  }
  after(ms: number, run: () => void): Timer {
    let isCancelled = false;
    const timer = this.around.time.after(ms, () =>
      this.enter(() => {
        if (!isCancelled) run();
      }),
    );
    return {
      cancel: () => {
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  // ---- what happens to it

  /** Runs something in this process, as soon as it runs at all. */
  enter(run: () => void): void {
    if (!this.isAlive) return;
    if (this.waiting) this.waiting.push(run);
    else run();
  }

  /** An act of a port: `act` happens outside of the process; its result comes back into it, if it still lives. */
  port<T>(port: Port, act: (strike: Strike | undefined) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.isAlive) return;
      const strike = this.strikeAt(port);
      if (strike?.moment === 'before' && this.struck(strike)) return;
      act(strike).then(
        (value) => {
          if (strike?.moment === 'after' && this.struck(strike)) return;
          this.enter(() => resolve(value));
        },
        (error: unknown) => this.enter(() => reject(error as Error)),
      );
    });
  }

  /** The next thing that befalls it at this port, which is then used up. */
  strikeAt(port: Port): Strike | undefined {
    const { strikes } = this.machine;
    if (strikes.length === 0) return undefined;
    const at = strikes.findIndex((strike) => strike.port === port);
    if (at < 0) return undefined;
    return strikes.splice(at, 1)[0];
  }
  /** Gives whether it died of it. */
  struck(strike: Strike): boolean {
    const { counters } = this.around;
    counters.add(`${strike.what} ${strike.moment === 'middle' ? 'within' : strike.moment} ${strike.port}`);
    if (strike.again > 0) this.machine.strikes.push({ ...strike, again: strike.again - 1, isRepeated: true });
    if (strike.isRepeated) counters.add('struck again');
    this.around.trace(`#${strike.fault} ${this.machine.name}: ${strike.what} ${strike.moment} ${strike.port}, for ${strike.ms} ms`);
    if (strike.what === 'crash') {
      this.crash(strike.ms);
      return true;
    }
    this.stop(strike.ms);
    return false;
  }

  crash(ms: number): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.waiting = undefined;
    this.around.counters.add('crash');
    this.around.crashed();
    this.around.trace(`${this.machine.name} dies`);
    for (const tell of this.atDeath.splice(0)) tell();
    this.databaseBroke();
    this.around.time.after(ms, () => this.machine.start());
  }

  /** SIGSTOP, and SIGCONT after so long. */
  stop(ms: number): void {
    if (!this.isAlive || this.waiting) return;
    this.waiting = [];
    this.around.counters.add('pause');
    this.around.trace(`${this.machine.name} is stopped`);
    for (const tell of this.atStop) tell(ms);
    this.around.time.after(ms, () => {
      if (!this.isAlive || !this.waiting) return;
      this.around.trace(`${this.machine.name} goes on`);
      const { waiting } = this;
      this.waiting = undefined;
      // Each in a turn of its own, before anything that comes later.
      for (const run of waiting) this.around.time.after(0, () => this.enter(run));
    });
  }

  onDeath(tell: () => void): void {
    this.atDeath.push(tell);
  }
  onStop(tell: (ms: number) => void): void {
    this.atStop.push(tell);
  }

  /** Called when its connections to the database break, by whatever cause, its own death among them. Returns the unsubscribe. */
  onDatabaseBroken(tell: () => void): () => void {
    this.databaseListeners.add(tell);
    return () => void this.databaseListeners.delete(tell);
  }
  databaseBroke(): void {
    const listeners = [...this.databaseListeners];
    this.databaseListeners.clear();
    for (const tell of listeners) tell();
  }
}
