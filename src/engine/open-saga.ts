import { decide, nextDue } from '../core/decide.js';
import { messageOf } from '../core/errors.js';
import type { Decision, HistoryEntry, SagaEvent, Send } from '../core/event.js';
import { LIMITS } from '../core/json.js';
import type { Plan } from '../core/plan.js';
import { NotOpened } from '../core/sealing.js';
import type { SagaState } from '../core/state.js';
import type { ParkedReply, SagaUpdate, StoredSaga } from '../ports/saga-store.js';
import { commandOf } from './command-message.js';
import { repliedFromParked } from './replied.js';

/** Replies that a saga keeps for a process with its definition: more than one with that many steps in flight gets of honest participants. */
const MAX_PARKED = 200;

/** What became of one event. */
export type Fate =
  | { readonly kind: 'decided'; readonly decision: Decision }
  | { readonly kind: 'failed-inside'; readonly error: unknown }
  /** Nothing was applied: what is sealed in the message or the saga cannot be opened here. */
  | { readonly kind: 'not-opened'; readonly error: NotOpened };

/** How long a saga waits until it is looked at again whether the key that it needs is here. */
export const KEY_WAIT_MS = 60_000;

/**
 * One saga while a batch works on it.
 * Owns: the state as the events of the batch leave it, and what has to be written and sent because of them.
 * Does not own: the row (the store) and the messages (the publisher).
 * Invariants: events are applied in the order of the calls; nothing here is visible to anybody before the commit.
 */
export class OpenSaga {
  state: SagaState;
  private history: readonly HistoryEntry[] = [];
  /** One for each command. */
  private wanted: readonly Send[] = [];
  private parked: readonly ParkedReply[] | undefined;
  private changed = false;
  /** The key for want of which something could not be applied; until it is here the saga's clocks do nothing. */
  private missing: NotOpened | undefined;

  constructor(
    readonly stored: StoredSaga,
    /** `undefined`: its version is not loaded here. */
    readonly plan: Plan | undefined,
    private readonly now: number,
  ) {
    this.state = stored.state;
  }

  /** Whether it is as one of these versions, and no event has changed it since it was loaded. */
  isStill(versions: readonly number[]): boolean {
    return !this.changed && !this.parked && versions.includes(this.stored.version);
  }

  /** Applies one event. A `decide` that throws changes nothing but the history: one saga's fault must not touch the others. */
  apply(plan: Plan, event: SagaEvent): Fate {
    try {
      const decision = decide(plan, this.state, event, this.now);
      this.state = decision.state;
      this.changed ||= decision.changed;
      // Mostly a batch has one event of a saga: what it gives is kept as it is.
      this.history = this.history.length === 0 ? decision.history : [...this.history, ...decision.history];
      if (this.wanted.length === 0 && decision.commands.length <= 1) this.wanted = decision.commands;
      else for (const send of decision.commands) this.want(send);
      return { kind: 'decided', decision };
    } catch (error: unknown) {
      if (error instanceof NotOpened) return { kind: 'not-opened', error };
      this.noteFailure(event, error);
      return { kind: 'failed-inside', error };
    }
  }

  /** The key that the saga waits for. */
  get waitsFor(): NotOpened | undefined {
    return this.missing;
  }
  waitFor(error: NotOpened): void {
    this.missing = error;
  }

  /**
   * Applies the replies that were kept for a process that has the definition, which is this one; those that are not trusted are dropped, and
   * those whose key is not here are kept.
   */
  applyParked(plan: Plan, isTrusted: (reply: ParkedReply) => boolean): readonly { readonly reply: ParkedReply; readonly error: unknown }[] {
    const failures: { reply: ParkedReply; error: unknown }[] = [];
    const kept: ParkedReply[] = [];
    for (const reply of this.stored.parked) {
      if (!isTrusted(reply)) continue;
      const event = repliedFromParked(reply);
      const fate = event && this.apply(plan, event);
      if (!fate) failures.push({ reply, error: new Error('unparsable command id') });
      else if (fate.kind === 'not-opened' && fate.error.why === 'key-missing') {
        this.waitFor(fate.error);
        kept.push(reply);
      } else if (fate.kind !== 'decided') failures.push({ reply, error: fate.error });
    }
    if (kept.length < this.stored.parked.length) this.parked = kept;
    return failures;
  }

  /** Keeps a reply for a process that has the definition; a copy of one that is kept already is dropped. False: there is no room left. */
  park(reply: ParkedReply): boolean {
    const kept = this.parked ?? this.stored.parked;
    const same = (other: ParkedReply) =>
      other.commandId === reply.commandId && other.attempt === reply.attempt && other.outcome === reply.outcome && other.by === reply.by;
    if (kept.some(same)) return true;
    const bytes = kept.reduce((sum, { body }) => sum + body.length, this.state.bytes + reply.body.length);
    if (kept.length >= MAX_PARKED || bytes > LIMITS.rowBytes) return false;
    this.parked = [...kept, reply];
    return true;
  }

  want(send: Send): void {
    this.wanted = [...this.wanted.filter(({ step, phase }) => step !== send.step || phase !== send.phase), send];
  }

  /**
   * What is to be published: wanted by some event and still waiting for its answer now that all events are applied. A suspended saga
   * sends nothing; resuming sends what is in flight.
   */
  sends(): readonly Send[] {
    if (this.wanted.length === 0 || this.state.suspended || this.state.end) return [];
    return this.wanted.filter((send) => {
      const command = commandOf(this.state, send);
      return command?.status === 'inFlight' || (command?.status === 'stuck' && command.resendAt !== undefined);
    });
  }

  /**
   * The write that the events make necessary, if any. `rearm`: the row's own instant has passed, so it is set anew in any case;
   * else it is only moved when a timer is due earlier, since moving it makes the update dearer.
   */
  update(rearm: boolean): SagaUpdate | undefined {
    if (!this.changed && !this.parked && !rearm) return undefined;
    return this.updateAt(this.wakeAt(rearm));
  }

  /** The write, with the instant at which the saga is looked at again given. */
  updateAt(wakeAt: number | null | undefined): SagaUpdate {
    const { state, history, parked } = this;
    const base = { state, fromVersion: this.stored.version, wakeAt, history };
    return parked ? { ...base, parked } : base;
  }

  private wakeAt(rearm: boolean): number | null | undefined {
    const before = this.stored.wakeAt;
    const due = this.missing ? this.now + KEY_WAIT_MS : (this.parked?.length ?? 0) > 0 ? this.now : nextDue(this.state);
    if (rearm) return due;
    if (due === null) return before === null ? undefined : null;
    return before === null || due < before ? due : undefined;
  }

  private noteFailure(event: SagaEvent, error: unknown): void {
    const about =
      event.kind === 'replied' ? `${event.step}.${event.phase}.${event.execution}|${event.attempt ?? 0}|${event.outcome}` : event.kind;
    const note = `failed-inside|${about}`;
    const times = this.state.noted[note] ?? 0;
    this.changed = true;
    this.state = { ...this.state, noted: { ...this.state.noted, [note]: times + 1 } };
    // Once in the history, then a count: a timer that fails comes again and again.
    if (times > 0) return;
    const at = Math.max(this.now, this.state.eventAt);
    const seq = this.state.seq + 1;
    const entry: HistoryEntry = { seq, at, event: 'failed-inside', message: messageOf(error), ...placeOf(event), effects: [] };
    this.history = [...this.history, entry];
    this.state = { ...this.state, seq, eventAt: at };
  }
}

function placeOf(event: SagaEvent): Partial<HistoryEntry> {
  if (event.kind === 'replied') {
    const { step, phase, execution, outcome } = event;
    return { step, phase, execution, outcome, ...(event.attempt === undefined ? {} : { attempt: event.attempt }) };
  }
  if (event.kind === 'retry' || event.kind === 'settle') return { step: event.step, by: event.by };
  return event.kind === 'due' ? {} : { by: event.by };
}
