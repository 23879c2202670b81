import type { Registry } from 'prom-client';
import type { HistoryEntry } from '../core/event.js';
import type { Plan } from '../core/plan.js';
import { PHASE_NAMES, type Phase, type Reason, type SagaState } from '../core/state.js';
import { SAGA_SECONDS, STEP_SECONDS } from './bounds.js';
import { Counter, Histogram, type Count, type Spread } from './series.js';

const STEP = ['saga', 'step'] as const;
const COMMAND = ['saga', 'step', 'phase'] as const;

/** The metrics of sagas and their steps. */
export function sagaMetrics(registry: Registry) {
  const counter = (name: string, help: string, labels: readonly string[]) => new Counter(registry, { name, help, labels });
  return {
    started: counter('backstep_sagas_started_total', 'Sagas that this process started.', ['saga']),
    ended: counter('backstep_sagas_ended_total', 'Sagas that this process ended: completed or compensated.', ['saga', 'outcome']),
    duration: new Histogram(registry, {
      name: 'backstep_saga_duration_seconds',
      help: 'From the start of a saga to its end.',
      labels: ['saga', 'outcome'],
      bounds: SAGA_SECONDS,
    }),
    turnedBack: counter('backstep_sagas_turned_back_total', 'Sagas that turned back: rejected, exhausted, deadline or cancelled.', [
      'saga',
      'reason',
    ]),
    attention: counter('backstep_sagas_attention_total', 'Things that a person should know of although the saga goes on, or has ended.', [
      'saga',
    ]),
    settled: counter(
      'backstep_steps_settled_total',
      'Steps that came to an outcome: succeeded, rejected, unknown, skipped, dropped or undone; a late answer counts again.',
      [...STEP, 'outcome'],
    ),
    stepDuration: new Histogram(registry, {
      name: 'backstep_step_duration_seconds',
      help: "From the first send of a step's command to its outcome, all attempts and the fence included.",
      labels: COMMAND,
      bounds: STEP_SECONDS,
    }),
    failures: counter('backstep_command_failures_total', 'Tries of a command that came to nothing: timeout, error or rejected.', [
      ...COMMAND,
      'cause',
    ]),
    retries: counter('backstep_command_retries_total', 'Further attempts and executions of a command.', COMMAND),
    resends: counter('backstep_command_resends_total', 'Attempts that were sent once more because no answer had come yet.', COMMAND),
    stuck: counter('backstep_steps_stuck_total', 'Steps that got stuck: a person has to look.', COMMAND),
  } as const;
}
type SagaMetrics = ReturnType<typeof sagaMetrics>;

/**
 * What is counted of one saga definition, whatever its version.
 * Owns: its numbers, each looked up once. Does not own: what a saga does; it reads that in what is new in the history.
 * Invariant: labels are names that were loaded, and words of ours.
 */
export class SagaSeries {
  private readonly started: Count;
  private readonly attention: Count;
  private readonly ended: Readonly<Record<NonNullable<SagaState['end']>, { readonly count: Count; readonly duration: Spread }>>;
  private readonly turnedBack: Readonly<Record<Reason['kind'], Count>>;
  private readonly steps: ReadonlyMap<string, StepSeries>;

  constructor(metrics: SagaMetrics, name: string, versions: readonly Plan[]) {
    const { started, attention, ended, duration, turnedBack } = metrics;
    const endedAs = (outcome: string) => ({ count: ended.of(name, outcome), duration: duration.of(name, outcome) });
    const backFor = (reason: Reason['kind']) => turnedBack.of(name, reason);
    this.started = started.of(name);
    this.attention = attention.of(name);
    this.ended = { completed: endedAs('completed'), compensated: endedAs('compensated') };
    this.turnedBack = {
      rejected: backFor('rejected'),
      exhausted: backFor('exhausted'),
      deadline: backFor('deadline'),
      cancelled: backFor('cancelled'),
    };
    const names = new Set(versions.flatMap(({ steps }) => steps.map((step) => step.name)));
    this.steps = new Map([...names].map((step) => [step, new StepSeries(metrics, name, step)]));
  }

  begun(): void {
    this.started.add();
  }

  finished({ end, endedAt, startedAt }: SagaState): void {
    if (!end) return;
    this.ended[end].count.add();
    this.ended[end].duration.record(seconds(startedAt, endedAt ?? startedAt));
  }

  changed(state: SagaState, history: readonly HistoryEntry[]): void {
    for (const entry of history) {
      if (entry.step !== undefined && entry.phase !== undefined) this.steps.get(entry.step)?.told(entry, entry.phase);
      for (const effect of entry.effects) {
        if (effect.do === 'turned-back') this.turnedBack[effect.reason.kind].add();
        else if (effect.do === 'attention') this.attention.add();
        else if ('step' in effect) this.steps.get(effect.step)?.affected(effect, entry, state);
      }
    }
  }
}

type StepEffect = Extract<HistoryEntry['effects'][number], { readonly step: string }>;
type Cause = 'timeout' | 'error' | 'rejected';
type Settled = 'succeeded' | 'rejected' | 'unknown' | 'skipped' | 'dropped' | 'undone';

/** The same of one step. Numbers are made when they are first needed: most steps never fail in most ways. */
class StepSeries {
  private readonly phases: { [P in Phase]?: PhaseSeries } = {};
  private readonly outcomes: { [O in Settled]?: Count } = {};

  constructor(
    private readonly metrics: SagaMetrics,
    private readonly saga: string,
    private readonly step: string,
  ) {}

  /** What happened. */
  told(entry: HistoryEntry, phase: Phase): void {
    if (entry.event === 'resent') return this.phase(phase).resent();
    const cause = causeOf(entry);
    if (cause) this.phase(phase).failed(cause);
  }

  /** What was done about it. */
  affected(effect: StepEffect, { event, at }: HistoryEntry, { steps }: SagaState): void {
    switch (effect.do) {
      case 'sent':
        // After a suspension the current attempt is sent as it is.
        if ((effect.attempt > 1 || effect.execution > 1) && event !== 'resumed') this.phase(effect.phase).retried();
        return;
      case 'stuck':
        return this.phase(effect.phase).stuck();
      case 'succeeded':
      case 'rejected':
      case 'unknown': {
        const { action, startedAt } = steps[effect.step] ?? {};
        if (action && startedAt !== undefined) this.phase('a').took(seconds(startedAt, at));
        return this.settled(effect.do);
      }
      case 'undone': {
        const sentAt = steps[effect.step]?.undo?.firstSentAt;
        if (sentAt !== undefined) this.phase('c').took(seconds(sentAt, at));
        return this.settled('undone');
      }
      case 'passed':
        return this.settled('succeeded');
      case 'skipped':
      case 'dropped':
        return this.settled(effect.do);
      case 'will-retry':
      case 'attention':
        return;
    }
  }

  private settled(outcome: Settled): void {
    (this.outcomes[outcome] ??= this.metrics.settled.of(this.saga, this.step, outcome)).add();
  }
  private phase(phase: Phase): PhaseSeries {
    return (this.phases[phase] ??= new PhaseSeries(this.metrics, [this.saga, this.step, PHASE_NAMES[phase]]));
  }
}

/** The same of a step's action, compensation or fence. */
class PhaseSeries {
  private readonly causes: { [C in Cause]?: Count } = {};
  private duration: Spread | undefined;

  constructor(
    private readonly metrics: SagaMetrics,
    private readonly labels: readonly string[],
  ) {}

  took(value: number): void {
    (this.duration ??= this.metrics.stepDuration.of(...this.labels)).record(value);
  }
  failed(cause: Cause): void {
    (this.causes[cause] ??= this.metrics.failures.of(...this.labels, cause)).add();
  }
  retried(): void {
    this.metrics.retries.of(...this.labels).add();
  }
  resent(): void {
    this.metrics.resends.of(...this.labels).add();
  }
  stuck(): void {
    this.metrics.stuck.of(...this.labels).add();
  }
}

/** Why a try came to nothing. A `rejected` that settles its step did not: it is an answer. */
function causeOf({ event, outcome, effects }: HistoryEntry): Cause | undefined {
  if (event === 'timed-out') return 'timeout';
  if (event !== 'replied') return undefined;
  if (outcome === 'error') return 'error';
  return outcome === 'rejected' && !effects.some((effect) => effect.do === 'rejected') ? 'rejected' : undefined;
}

function seconds(from: number, to: number): number {
  return Math.max(0, to - from) / 1_000;
}
