import { begin, nextDue } from '../core/decide.js';
import { messageOf, SagaError } from '../core/errors.js';
import type { HistoryEntry, Send } from '../core/event.js';
import { planFor, type CommandStep, type Plan } from '../core/plan.js';
import { NotOpened } from '../core/sealing.js';
import { parseCommandId, statusOf, type CommandRef, type SagaState } from '../core/state.js';
import type { Loaded, ParkedReply, SagaStart, SagaUpdate, StoredSaga, Writes } from '../ports/saga-store.js';
import type { Attribution, SignatureFault } from '../ports/signing.js';
import { plannedCommand } from './command-message.js';
import type { Definitions } from './definitions.js';
import { OpenSaga } from './open-saga.js';
import { parkedFrom, repliedFrom } from './replied.js';
import type { Operated } from './service.js';
import type { BegunTrace } from './tracing.js';
import type { OperatorWork, ReplyWork, StartWork, Work } from './work.js';

/** What applying a batch leaves to be done after its commit. */
export interface Applied {
  /** For every item, in their order. */
  readonly verdicts: readonly Verdict[];
  /** Existing sagas that were touched, with what they send; those that turn out to be stale send nothing. */
  readonly touched: readonly Touched[];
  /** In the order of the starts written. */
  readonly begun: readonly Begun[];
  /** Things to log: a saga's fault that was put aside. */
  readonly failures: readonly Failure[];
  /** Parked replies that could not be applied. */
  readonly dead: readonly DeadReply[];
  /** Sagas that wait for a key that is not here: which key. */
  readonly waiting: readonly NotOpened[];
}
export interface DeadReply {
  readonly reply: ParkedReply;
  readonly reason: string;
  readonly fault?: SignatureFault;
}
export type Verdict =
  | { readonly kind: 'done' }
  /** To the dead letters, with the reason; `fault`: why it is not trusted. */
  | { readonly kind: 'dead'; readonly reason: string; readonly fault?: SignatureFault | undefined }
  | { readonly kind: 'refused'; readonly error: SagaError }
  | { readonly kind: 'operated'; readonly saga: OpenSaga; readonly before: Operated['before']; readonly decided: boolean }
  /** The answer depends on the fate of this start. */
  | { readonly kind: 'begun'; readonly start: number };
export interface Touched {
  readonly saga: OpenSaga;
  readonly plan: Plan | undefined;
  readonly update: SagaUpdate | undefined;
  readonly sends: readonly Send[];
  /** Became final in this batch. */
  readonly ended: boolean;
}
export interface Begun {
  readonly plan: Plan;
  readonly state: SagaState;
  readonly wakeAt: number | null;
  readonly inputHash: string;
  readonly sends: readonly Send[];
  readonly history: readonly HistoryEntry[];
  readonly trace: BegunTrace | undefined;
}
export interface Failure {
  readonly sagaId: string;
  readonly step: string | undefined;
  readonly error: unknown;
  /** That the saga is in. */
  readonly trace: { readonly traceparent: string | null };
}

const DONE: Verdict = { kind: 'done' };

/**
 * Applies the items of a batch, in their order, to the sagas they are about. Pure: everything that it decides takes effect by the
 * commit, or not at all. `attribution`: where replies are signed, whose reply counts.
 */
export function applyBatch(items: readonly Work[], loaded: Loaded, definitions: Definitions, attribution?: Attribution): Writes<Applied> {
  const batch = new Batch(loaded, definitions, attribution);
  const verdicts = items.map((item) => batch.apply(item));
  return batch.writes(verdicts);
}

/** A sweep: what was parked first, then the timers. `postponed` sagas are left as they are and looked at again at the given instant. */
export function applyDue(
  loaded: Loaded,
  definitions: Definitions,
  postponed: ReadonlyMap<string, number>,
  attribution?: Attribution,
): Writes<Applied> {
  const batch = new Batch(loaded, definitions, attribution);
  for (const id of loaded.sagas.keys()) batch.due(id, postponed);
  return batch.writes([], postponed);
}

class Batch {
  private readonly open = new Map<string, OpenSaga>();
  private readonly starts: SagaStart[] = [];
  private readonly begun: Begun[] = [];
  private readonly startByKey = new Map<string, number>();
  private readonly failures: Failure[] = [];
  private readonly dead: DeadReply[] = [];

  constructor(
    private readonly loaded: Loaded,
    private readonly definitions: Definitions,
    private readonly attribution: Attribution | undefined,
  ) {}

  apply(item: Work): Verdict {
    switch (item.kind) {
      case 'reply':
        return this.reply(item);
      case 'start':
        return this.start(item);
      case 'operate':
        return this.operate(item);
      case 'remind': {
        const saga = this.saga(item.sagaId);
        for (const send of item.sends) saga?.want(send);
        return DONE;
      }
      case 'dead':
        return item.refusal ? { kind: 'refused', error: item.refusal.error } : { kind: 'dead', reason: item.reason, fault: item.fault };
    }
  }

  due(id: string, postponed: ReadonlyMap<string, number>): void {
    const saga = this.saga(id);
    // Over a reply that waits for a key no time may run out.
    if (!saga?.plan || saga.waitsFor || postponed.has(id)) return;
    const fate = saga.apply(saga.plan, { kind: 'due' });
    if (fate.kind === 'not-opened') saga.waitFor(fate.error);
    if (fate.kind === 'failed-inside') this.failures.push({ sagaId: id, step: undefined, error: fate.error, trace: saga.state });
  }

  /** `postponed` given: a sweep, in which every row is armed anew. */
  writes(verdicts: readonly Verdict[], postponed?: ReadonlyMap<string, number>): Writes<Applied> {
    const updates: SagaUpdate[] = [];
    const touched: Touched[] = [];
    for (const saga of this.open.values()) {
      const later = postponed && this.laterAfterFailure(saga, postponed);
      const update = later === undefined ? saga.update(postponed !== undefined) : saga.updateAt(later);
      if (update) updates.push(update);
      const ended = saga.state.end !== null && saga.stored.state.end === null;
      touched.push({ saga, plan: saga.plan, update, sends: saga.plan ? saga.sends() : [], ended });
    }
    const { failures, dead, begun } = this;
    const waiting = [...this.open.values()].flatMap(({ waitsFor }) => waitsFor ?? []);
    return { starts: this.starts, updates, result: { verdicts, touched, begun, failures, dead, waiting } };
  }

  private reply(item: ReplyWork): Verdict {
    const { ref } = item.reply;
    const { redelivered } = item.delivery;
    const saga = this.saga(ref.sagaId);
    if (!saga) return { kind: 'dead', reason: 'unknown saga' };
    if (!saga.plan) {
      if (saga.park(parkedFrom(item.reply, redelivered, item.by))) return DONE;
      const { name, version } = saga.state;
      return { kind: 'dead', reason: `too many replies wait for a daemon that has loaded ${name} version ${version}` };
    }
    const step = saga.plan.steps.find((candidate) => candidate.name === ref.step);
    if (!step || step.kind === 'check' || ref.element !== undefined) {
      return { kind: 'dead', reason: `unknown step '${ref.step}' of ${saga.plan.name} version ${saga.plan.version}` };
    }
    const stranger = this.attribution && strangerFault(this.attribution, item.by, step, ref);
    if (stranger) return { kind: 'dead', ...stranger };
    const fate = saga.apply(saga.plan, repliedFrom(item.reply, redelivered));
    if (fate.kind === 'decided') return DONE;
    if (fate.kind === 'not-opened') return this.notOpened(item, saga, fate.error);
    this.failures.push({ sagaId: ref.sagaId, step: ref.step, error: fate.error, trace: saga.state });
    return { kind: 'dead', reason: `failed inside: ${messageOf(fate.error)}` };
  }

  /** What was altered is put aside; what only lacks its key is kept with the saga until somebody has the key. */
  private notOpened({ reply, delivery, by }: ReplyWork, saga: OpenSaga, error: NotOpened): Verdict {
    if (error.why === 'forged') return { kind: 'dead', reason: error.message, fault: 'broken-seal' };
    saga.waitFor(error);
    if (saga.park(parkedFrom(reply, delivery.redelivered, by))) return DONE;
    return { kind: 'dead', reason: `too many replies of the saga wait for a key: ${error.message}` };
  }

  private operate(item: OperatorWork): Verdict {
    const saga = this.saga(item.sagaId);
    if (!saga) return { kind: 'refused', error: new SagaError('SAGA_NOT_FOUND', `there is no saga ${item.sagaId}`) };
    if (item.ifVersions && !saga.isStill(item.ifVersions)) {
      return { kind: 'refused', error: new SagaError('SAGA_CHANGED', `saga ${item.sagaId} has moved on; look at it again`) };
    }
    const { name, version } = saga.state;
    if (!saga.plan) {
      const message = `${name} version ${version} is not loaded here; ask a daemon that has it`;
      return { kind: 'refused', error: new SagaError('SAGA_NOT_ALLOWED', message) };
    }
    const before = { status: statusOf(saga.state), seq: saga.state.seq };
    const fate = saga.apply(saga.plan, item.event);
    if (fate.kind === 'failed-inside') {
      this.failures.push({ sagaId: item.sagaId, step: undefined, error: fate.error, trace: saga.state });
      return { kind: 'refused', error: internal(fate.error) };
    }
    if (fate.kind === 'not-opened') return { kind: 'refused', error: refusedFor(fate.error, item.sagaId) };
    const { refused, decided } = fate.decision;
    if (refused) return { kind: 'refused', error: new SagaError(refused.code, refused.message, refused.faults) };
    return { kind: 'operated', saga, before, decided: decided ?? true };
  }

  private start(item: StartWork): Verdict {
    const sameKey = item.beginning.key === null ? undefined : `k${item.plan.name}\n${item.beginning.key}`;
    const sameId = item.startId === null ? undefined : `s${item.plan.name}\n${item.startId}`;
    const before = (sameKey && this.startByKey.get(sameKey)) ?? (sameId && this.startByKey.get(sameId));
    // The second of two equal starts in one batch gets the first one's saga, or its fate.
    if (typeof before === 'number') return { kind: 'begun', start: before };
    const number = this.starts.length;
    const failure = this.tryBegin(item);
    if (failure) return { kind: 'refused', error: failure };
    if (sameKey) this.startByKey.set(sameKey, number);
    if (sameId) this.startByKey.set(sameId, number);
    return { kind: 'begun', start: number };
  }

  private tryBegin({ plan, beginning, inputHash, startId, trace, ownKey, caller }: StartWork): SagaError | undefined {
    try {
      const { state, commands, history } = begin(plan, beginning, this.loaded.now);
      const wakeAt = nextDue(state);
      this.starts.push({ state, wakeAt, inputHash, startId, isIncoming: caller.via === 'row', history, ownKey });
      this.begun.push({ plan, state, wakeAt, inputHash, sends: commands, history, trace });
      return undefined;
    } catch (error: unknown) {
      this.failures.push({ sagaId: beginning.id, step: undefined, error, trace: beginning });
      return internal(error);
    }
  }

  private saga(id: string): OpenSaga | undefined {
    const known = this.open.get(id);
    if (known) return known;
    const stored = this.loaded.sagas.get(id);
    if (!stored) return undefined;
    const loaded = this.definitions.get(stored.state.name, stored.state.version);
    const plan = loaded && planFor(loaded, stored.ownKey);
    const saga = new OpenSaga(stored, plan, this.loaded.now);
    this.open.set(id, saga);
    if (plan && stored.parked.length > 0) this.applyParked(saga, plan);
    return saga;
  }

  private applyParked(saga: OpenSaga, plan: Plan): void {
    for (const { reply, error } of saga.applyParked(plan, (reply) => this.isTrusted(reply, plan))) {
      if (error instanceof NotOpened) {
        this.dead.push({ reply, reason: error.message, fault: 'broken-seal' });
        continue;
      }
      this.failures.push({ sagaId: saga.state.id, step: undefined, error, trace: saga.state });
      this.dead.push({ reply, reason: `failed inside: ${messageOf(error)}` });
    }
  }

  /** One that is not is put aside here. */
  private isTrusted(reply: ParkedReply, plan: Plan): boolean {
    const ref = this.attribution && parseCommandId(reply.commandId);
    const step = ref && plan.steps.find(({ name }) => name === ref.step);
    if (!this.attribution || !ref || !step || step.kind === 'check') return true;
    const stranger = strangerFault(this.attribution, reply.by, step, ref);
    if (stranger) this.dead.push({ reply, ...stranger });
    return stranger === undefined;
  }

  /** A saga whose timers cannot be handled must not be at the head of every sweep. */
  private laterAfterFailure(saga: OpenSaga, postponed: ReadonlyMap<string, number>): number | undefined {
    const { id, end } = saga.state;
    const later = postponed.get(id);
    if (end || later !== undefined) return later;
    return this.failures.some(({ sagaId }) => sagaId === id) ? this.loaded.now + POSTPONE_MS : undefined;
  }
}

/** Why a reply to a command of this step does not count, if so; one that answers no command that there is changes nothing anyway. */
function strangerFault(attribution: Attribution, by: string | undefined, step: CommandStep, { phase }: CommandRef) {
  const asked = plannedCommand(step, phase);
  return asked && attribution.strangerFault(by, asked.participant);
}

/** How long a saga is left alone whose timers could not be handled. */
export const POSTPONE_MS = 60_000;

function refusedFor(error: NotOpened, sagaId: string): SagaError {
  const code = error.why === 'key-missing' ? 'SAGA_PAYLOAD_KEY_MISSING' : 'SAGA_NOT_ALLOWED';
  return new SagaError(code, `saga ${sagaId}: ${error.message}`, [], { cause: error });
}

function internal(error: unknown): SagaError {
  return new SagaError('SAGA_INTERNAL', `the saga's definition failed inside: ${messageOf(error)}`, [], { cause: error });
}

/** A saga as the batch leaves it in the store. */
export function afterUpdate({ stored }: OpenSaga, update: SagaUpdate | undefined): StoredSaga {
  if (!update) return stored;
  return {
    state: update.state,
    version: update.fromVersion + 1,
    wakeAt: update.wakeAt === undefined ? stored.wakeAt : update.wakeAt,
    parked: update.parked ?? stored.parked,
    ownKey: stored.ownKey,
  };
}
