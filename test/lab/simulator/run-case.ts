import type { Plan } from '../../../src/core/plan.js';
import type { SagaState } from '../../../src/core/state.js';
import { drawCase, type Case, type CaseFile } from './case.js';
import { checkWorld, type Outcome } from './checks.js';
import { Clients } from './clients.js';
import { NAMES, QUEUES, type Violation } from './scene.js';
import { World } from './world.js';

/** What a run of a case came to. */
export interface CaseResult {
  readonly file: CaseFile;
  readonly violations: readonly Violation[];
  readonly counters: Readonly<Record<string, number>>;
  /** Things that happened: messages, timers, acts of ports. */
  readonly events: number;
  readonly virtualMs: number;
  /** Of everything that happened, in its order. */
  readonly fingerprint: string;
  readonly outcomes: readonly Outcome[];
  readonly lines: readonly string[] | undefined;
}

/** After the last fault everything has to have ended within this much virtual time. */
const BOUND_MS = 4 * 3_600_000;
/** Ten times as many as the busiest case has. */
const MOST_EVENTS = 200_000;
const LOOK_EVERY_MS = 2_000;
/** Then acknowledgements under way have arrived. */
const AFTERMATH_MS = 3_000;

/** Runs a case from its beginning to its end and checks everything. Never rejects. */
export async function runCase(file: CaseFile, options: { readonly trace?: boolean } = {}): Promise<CaseResult> {
  const of = drawCase(file);
  const world = new World(of);
  if (options.trace) world.lines = [];
  const onStray = (error: unknown) =>
    world.violate('V22', `an error that nobody caught: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.on('unhandledRejection', onStray);
  let outcomes: Outcome[] = [];
  try {
    outcomes = await play(world, of);
  } catch (error: unknown) {
    onStray(error);
  } finally {
    process.off('unhandledRejection', onStray);
  }
  const { violations, counters, time, lines } = world;
  return {
    file,
    violations,
    counters: counters.toObject(),
    events: time.events,
    virtualMs: Math.round(time.elapsed),
    fingerprint: time.fingerprint,
    outcomes,
    lines,
  };
}

async function play(world: World, of: Case): Promise<Outcome[]> {
  const { time } = world;
  const clients = new Clients(world);
  for (const machine of world.machines.values()) time.after(world.chance.between(0, 300), () => machine.start());
  clients.schedule();
  for (const fault of of.faults) time.after(fault.at, () => world.apply(fault));
  time.after(of.quietAt, () => world.calm());
  const look = new Look(world, clients, of);
  look.start();
  const ended = await time.run(of.quietAt + BOUND_MS, () => look.isOver || world.violations.length > 20 || time.events > MOST_EVENTS);
  if (time.events > MOST_EVENTS)
    world.violate('V1', `it does not come to rest: ${time.events} events in ${Math.round(time.elapsed / 1_000)} s`);
  if (ended === 'over') {
    const until = time.elapsed + AFTERMATH_MS;
    await time.run(until, () => false);
  }
  return checkWorld(world, clients);
}

/** Looks now and then whether everything has come to rest. */
class Look {
  isOver = false;
  private hasRetried = false;

  constructor(
    private readonly world: World,
    private readonly clients: Clients,
    private readonly of: Case,
  ) {}

  start(): void {
    this.world.time.after(this.world.isQuiet ? LOOK_EVERY_MS : this.of.quietAt + 1, () => this.look());
  }

  private look(): void {
    if (this.isAtRest()) {
      if (this.hasRetried) {
        this.isOver = true;
        return;
      }
      this.hasRetried = true;
      this.clients.retryStuck();
      this.world.time.after(30_000, () => this.start());
      return;
    }
    this.start();
  }

  private isAtRest(): boolean {
    const { world, clients, of } = this;
    if (world.delayed > 0 || !clients.areAnswered) return false;
    for (const { id, script } of clients.known.values()) {
      const state = world.watcher.states.get(id!);
      if (!state) continue;
      if ((world.watcher.parked.get(id!) ?? 0) > 0) return false;
      if (!state.end && isMoving(state, world.plans[script.shape]!)) return false;
    }
    if (
      of.scripts.some(
        ({ suspendAt, resumeAfter, startAt }) => suspendAt !== undefined && startAt + suspendAt + resumeAfter > world.time.elapsed,
      )
    ) {
      return false;
    }
    return [...QUEUES, NAMES.deadLetters].every((queue) => world.broker.depth(queue) === 0);
  }
}

/** Something of it is still going to happen by itself. */
function isMoving(state: SagaState, plan: Plan): boolean {
  if (state.suspended) return true;
  let isStuck = false;
  for (const step of plan.steps) {
    const at = state.steps[step.name];
    if (!at) continue;
    if (at.fault) isStuck = true;
    for (const command of [at.action, at.fence, at.undo]) {
      if (command?.status === 'inFlight' || command?.status === 'backingOff') return true;
      // A fence is answered some time; a pivot that can only be asked on may never be.
      if (command?.status === 'stuck' && command === at.fence && command.resendAt !== undefined) return true;
      if (command?.status === 'stuck') isStuck = true;
    }
  }
  return !isStuck;
}
