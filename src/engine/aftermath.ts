import { meantBy } from '../core/codec-batch.js';
import { encodeStartAnswer, type AnswerAddress, type StartAnswer } from '../core/codec-starts.js';
import type { Sending } from '../core/codec-commands.js';
import { deadLetter } from '../core/codec-dead-letters.js';
import { encodeText } from '../core/codec-text.js';
import { pass, type CrashPoint } from '../core/crash-points.js';
import { messageOf, SagaError } from '../core/errors.js';
import type { Send } from '../core/event.js';
import type { Plan } from '../core/plan.js';
import { statusOf, type SagaState } from '../core/state.js';
import { messageFields, traceField } from '../core/trace-context.js';
import { JSON_CONTENT, type Message, type Names } from '../core/wire.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { OrchestratorSigning, SignatureFault } from '../ports/signing.js';
import type { Committed, ParkedReply, SagaStore, StartFate } from '../ports/saga-store.js';
import type { Delivery } from '../ports/transport.js';
import { afterUpdate, type Applied, type Begun, type Verdict } from './batch.js';
import { sendingOf } from './command-message.js';
import type { FinalNotices } from './final-notices.js';
import type { EngineObserver } from './observer.js';
import type { Publication, Publisher } from './publisher.js';
import type { Operated, Started } from './service.js';
import type { Slot } from './settler.js';
import type { EngineTracing, SagaTracer } from './tracing.js';
import { deliveryOf, refuse, sagaOf, type DeadWork, type StartWork, type Work } from './work.js';

type Done = Extract<Committed<Applied>, { fate: 'committed' }>;

const COMMITTED = { a: 'action.committed', c: 'undo.committed', f: 'fence.committed' } as const satisfies Record<Send['phase'], CrashPoint>;

export interface AftermathParts {
  readonly store: SagaStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: EngineObserver;
  readonly tracing?: EngineTracing;
  readonly names: Names;
  readonly publisher: Publisher;
  readonly notices: FinalNotices;
  /** Where messages are signed. */
  readonly signing?: OrchestratorSigning;
  /** Told when a timer of some saga is due, in milliseconds from now. */
  readonly wakeIn: (ms: number) => void;
}

/**
 * What follows a commit: commands are published, callers answered, deliveries handed to the settler.
 * Does not own anything: all that it needs to know is in the commit's result.
 */
export class Aftermath {
  constructor(private readonly parts: AftermathParts) {}

  /** After a batch. Gives the items that have to be applied again, since somebody else wrote their saga meanwhile. */
  follow(items: readonly Work[], done: Done, begunAt: number, slot: Slot): Work[] {
    const publications = this.consequences(done);
    const again: Work[] = [];
    const dependents = new Map<Publication, Delivery>();
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!;
      const saga = sagaOf(item);
      if (saga !== undefined && done.stale.has(saga)) {
        again.push(item);
        continue;
      }
      const verdict = done.result.verdicts[i]!;
      if (isBesideElsewhere(item, verdict, done)) again.push(item);
      else this.conclude(item, verdict, done, { slot, publications, dependents, begunAt });
    }
    if (publications.length > 0) slot.holdFor(this.publish(publications, dependents, begunAt, slot));
    return again;
  }

  /** After a sweep. */
  async followDue(done: Done, begunAt: number): Promise<void> {
    const publications = this.consequences(done);
    if (publications.length === 0) return;
    await this.parts.publisher.publish(publications, begunAt);
    pass('sweep.published');
  }

  /** An item that cannot be stored: refused to whoever waits for it, its message put aside and settled when that is safe. */
  bury(item: Work, error: SagaError, slot: Slot): void {
    const out: Outlet = { slot, publications: [], dependents: new Map(), begunAt: this.parts.clock.monotonic() };
    this.refused(item, error, out);
    if (out.publications.length > 0) slot.holdFor(this.publish(out.publications, out.dependents, out.begunAt, slot));
  }

  /** An error for whoever started a saga over the wire. */
  private answerWire(answerTo: AnswerAddress, error: SagaError): Publication {
    const outcome = isPassing(error) ? 'error' : 'rejected';
    return this.answer(answerTo, { outcome, code: error.code, message: error.message.split('\n', 1)[0]!, faults: error.faults });
  }

  // ---- what every commit brings

  private consequences(done: Done): Publication[] {
    const { result, stale, starts, now } = done;
    const sendings: Sending[] = [];
    const tracer = this.parts.tracing?.active();
    for (const { saga, plan, update, sends, ended } of result.touched) {
      if (stale.has(saga.stored.state.id)) continue;
      if (plan) this.addSends(sendings, plan, saga.state, sends, tracer);
      if (!update) continue;
      if (update.parked && update.parked.length > 0) pass('reply.parked');
      this.wake(update.wakeAt, now);
      this.parts.observer.sagaChanged?.(saga.state, update.history);
      if (tracer && plan) tracer.changed({ plan, before: saga.stored.state, after: saga.state, history: update.history });
      if (ended) this.ended(saga.state, afterUpdate(saga, update));
    }
    for (let i = 0; i < result.begun.length; i++) {
      if (starts[i]?.fate === 'started') this.started(sendings, result.begun[i]!, now, tracer);
    }
    const publications = this.parts.publisher.commandPublications(sendings);
    for (const failure of result.failures) {
      const { sagaId, step, error, trace } = failure;
      this.parts.logger.error(
        { sagaId, step, ...traceField(trace), error: messageOf(error), stack: stackOf(error) },
        'an event of a saga failed inside and was put aside',
      );
    }
    const [one] = result.waiting;
    if (one) {
      const about = { key: one.keyId, sagas: result.waiting.length, reason: one.message };
      this.parts.logger.warn(about, 'sagas wait for a payload key that is not here; they are looked at again in a minute');
    }
    for (const { reply, reason, fault } of result.dead)
      publications.push(this.deadPublication(messageFrom(reply), this.parts.names.replies, reason, fault));
    return publications;
  }

  private started(sendings: Sending[], begun: Begun, now: number, tracer: SagaTracer | undefined): void {
    const { plan, state, wakeAt, sends, history, trace } = begun;
    this.addSends(sendings, plan, state, sends, tracer);
    this.wake(wakeAt, now);
    this.parts.observer.sagaStarted?.(state);
    this.parts.observer.sagaChanged?.(state, history);
    trace?.started();
    tracer?.changed({ plan, before: undefined, after: state, history });
    if (state.end) this.ended(state, { state, version: 1, wakeAt: null, parked: [] });
  }

  private ended(state: SagaState, stored: Parameters<FinalNotices['notify']>[0]): void {
    pass('saga.ended');
    this.parts.notices.notify(stored);
    this.parts.observer.sagaEnded?.(state);
  }

  private wake(at: number | null | undefined, now: number): void {
    if (typeof at === 'number') this.parts.wakeIn(at - now);
  }

  private addSends(sendings: Sending[], plan: Plan, state: SagaState, sends: readonly Send[], tracer: SagaTracer | undefined): void {
    for (const send of sends) {
      pass(COMMITTED[send.phase]);
      try {
        const sending = sendingOf(plan, state, send, tracer);
        if (sending) sendings.push(sending);
      } catch (error: unknown) {
        const about = { sagaId: state.id, step: send.step, ...traceField(state), error: messageOf(error) };
        this.parts.logger.error(about, 'a command cannot be written as a message; its step times out');
      }
    }
  }

  // ---- what an item brings

  private conclude(item: Work, verdict: Verdict, done: Done, out: Outlet): void {
    switch (verdict.kind) {
      case 'done':
        return this.settle(item, out);
      case 'dead':
        return this.dead(item, verdict, out);
      case 'operated':
        if (item.kind === 'operate') {
          pass('operator.committed');
          const update = done.result.touched.find(({ saga }) => saga === verdict.saga)?.update;
          answerCall<Operated>(item, { saga: afterUpdate(verdict.saga, update), before: verdict.before, decided: verdict.decided });
        }
        return this.settle(item, out);
      case 'refused':
        return this.refused(item, verdict.error, out);
      case 'begun':
        return this.begun(item as StartWork, done.result.begun[verdict.start]!, done.starts[verdict.start], out);
    }
  }

  private settle(item: Work, { slot }: Outlet): void {
    const delivery = deliveryOf(item);
    if (delivery) slot.settle(delivery, 'done');
  }

  private dead(
    item: Work,
    { reason, fault }: Pick<DeadWork, 'reason'> & { readonly fault?: SignatureFault | undefined },
    out: Outlet,
  ): void {
    const delivery = deliveryOf(item);
    if (!delivery) return;
    const queue = item.kind === 'dead' ? item.queue : item.kind === 'start' ? this.parts.names.starts : this.parts.names.replies;
    const publication = this.deadPublication(delivery.message, queue, reason, fault);
    out.publications.push(publication);
    out.dependents.set(publication, delivery);
  }

  private refused(item: Work, error: SagaError, out: Outlet): void {
    refuse(item, error);
    const answerTo = answerAddress(item);
    const delivery = deliveryOf(item);
    if (!answerTo || !delivery) return this.dead(item, { reason: error.message }, out);
    // Whoever asked may be gone; then it is kept for others.
    const instead = () => this.deadPublication(delivery.message, this.parts.names.starts, error.message).outgoing;
    const publication = { ...this.answerWire(answerTo, error), instead };
    out.publications.push(publication);
    out.dependents.set(publication, delivery);
  }

  private begun(item: StartWork, begun: Begun, fate: StartFate | undefined, out: Outlet): void {
    if (fate?.fate === 'started' && begun.state.id === item.beginning.id)
      return this.startAnswered(item, startedFrom(begun.state, true), out);
    if (fate?.fate === 'elsewhere') {
      if (item.caller.via === 'row') item.caller.answer('elsewhere');
      return;
    }
    // Two equal starts in one batch: the second finds the first.
    const found = fate?.fate === 'exists' ? fate : { id: begun.state.id, inputHash: begun.inputHash };
    if (found.inputHash !== item.inputHash && !item.earlierHashes?.includes(found.inputHash)) {
      const key = item.beginning.key ?? item.startId;
      const message = `${item.plan.name} with key '${key}' exists as ${found.id} and was started with another input`;
      return this.refused(item, new SagaError('SAGA_KEY_REUSED', message), out);
    }
    if (fate?.fate === 'started') return this.startAnswered(item, startedFrom(begun.state, false), out);
    // Nobody asks what became of it, and it is there.
    if (item.caller.via === 'wire' && !item.caller.answerTo) return this.settle(item, out);
    if (item.caller.via === 'row') return item.caller.answer('exists');
    out.slot.holdFor(this.answerExisting(item, found.id, out));
  }

  private async answerExisting(item: StartWork, id: string, out: Outlet): Promise<void> {
    let result: Started | SagaError;
    try {
      const stored = await this.parts.store.find(id);
      result = stored ? startedFrom(stored.state, false) : new SagaError('SAGA_NOT_FOUND', `saga ${id} of this key is gone`);
    } catch (error: unknown) {
      result = new SagaError('SAGA_UNAVAILABLE', `saga ${id} exists, but cannot be read now`, [], { cause: error });
    }
    // The batch's own messages are on their way already.
    const late: Outlet = { ...out, publications: [], dependents: new Map() };
    if (result instanceof SagaError) this.refused(item, result, late);
    else this.startAnswered(item, result, late);
    if (late.publications.length > 0) await this.publish(late.publications, late.dependents, out.begunAt, out.slot);
  }

  private startAnswered(item: StartWork, started: Started, out: Outlet): void {
    pass('start.committed');
    answerCall(item, started);
    const answerTo = answerAddress(item);
    const { id, status, created } = started;
    if (answerTo) out.publications.push(this.answer(answerTo, { outcome: 'success', id, status, created }));
    this.settle(item, out);
  }

  // ---- messages

  private async publish(
    publications: readonly Publication[],
    dependents: ReadonlyMap<Publication, Delivery>,
    begunAt: number,
    slot: Slot,
  ): Promise<void> {
    const lost = new Set(await this.parts.publisher.publish(publications, begunAt));
    pass('batch.published');
    for (const [publication, delivery] of dependents) slot.settle(delivery, lost.has(publication) ? 'requeue' : 'done');
  }

  private answer(answerTo: AnswerAddress, answer: StartAnswer): Publication {
    const { clock, names, signing } = this.parts;
    const outgoing = encodeStartAnswer(answerTo, answer, { now: clock.now(), appId: names.namespace });
    const { client } = answerTo;
    return { commands: [], outgoing: signing && client !== undefined ? signing.signAnswer(outgoing, client) : outgoing };
  }

  private deadPublication(original: Message, queue: string, reason: string, fault?: SignatureFault): Publication {
    const { clock, names, observer, logger } = this.parts;
    observer.deadLettered?.(fault ? { queue, reason, fault } : { queue, reason });
    const meant = meantBy(original);
    const { messageId, correlationId } = meant;
    logger.warn({ queue, reason, messageId, correlationId, ...messageFields(meant) }, 'a message was put aside');
    const message = deadLetter(original, queue, reason, clock.now());
    return { commands: [], outgoing: { exchange: '', routingKey: names.deadLetters, message } };
  }
}

/** Where the consequences of one batch are collected. */
interface Outlet {
  readonly slot: Slot;
  readonly publications: Publication[];
  /** Deliveries that are safe only when that message is. */
  readonly dependents: Map<Publication, Delivery>;
  readonly begunAt: number;
}

function startedFrom(state: SagaState, created: boolean): Started {
  const { id, name, version, key } = state;
  return { id, name, version, key, status: statusOf(state), created };
}

function answerCall<T>(item: { readonly caller: { readonly via: string } & Partial<{ answer: (result: T) => void }> }, result: T): void {
  item.caller.answer?.(result);
}

/** Of two equal starts in one batch the first is somebody else's, who may yet fail: the second is tried again without it. */
function isBesideElsewhere(item: Work, verdict: Verdict, { result, starts }: Done): boolean {
  if (verdict.kind !== 'begun' || starts[verdict.start]?.fate !== 'elsewhere') return false;
  return item.kind === 'start' && result.begun[verdict.start]!.state.id !== item.beginning.id;
}

function answerAddress(item: Work): AnswerAddress | undefined {
  if (item.kind === 'dead') return (item satisfies DeadWork).refusal?.answerTo;
  return item.kind === 'start' && item.caller.via === 'wire' ? item.caller.answerTo : undefined;
}

/** Worth trying again as it is. */
function isPassing(error: SagaError): boolean {
  return error.code === 'SAGA_UNAVAILABLE' || error.code === 'SAGA_STORE_UNKNOWN' || error.code === 'SAGA_INTERNAL';
}

function messageFrom(parked: ParkedReply): Message {
  return {
    messageId: `${parked.commandId}#${parked.outcome}`.slice(0, 255),
    correlationId: parked.commandId,
    type: '',
    replyTo: undefined,
    contentType: JSON_CONTENT,
    timestamp: undefined,
    appId: undefined,
    expirationMs: undefined,
    headers: { 'saga-outcome': parked.outcome },
    body: encodeText(parked.body),
  };
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
