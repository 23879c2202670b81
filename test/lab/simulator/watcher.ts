import { encodeText, readJsonBody } from '../../../src/core/codec-text.js';
import { encodeReply } from '../../../src/core/codec-replies.js';
import type { HistoryEntry } from '../../../src/core/event.js';
import type { CommandState, SagaState } from '../../../src/core/state.js';
import { BATCH_CONTENT, isReplyQueue, JSON_CONTENT, type Addressed, type Message } from '../../../src/core/wire.js';
import type { Claim, InboxClaim, InboxWrite } from '../../../src/ports/inbox.js';
import type { LogFields } from '../../../src/ports/logger.js';
import type { SagaUpdate } from '../../../src/ports/saga-store.js';
import type { Delivery, Outgoing, PublishOutcome } from '../../../src/ports/transport.js';
import type { CommitSeen } from './simulated-store.js';
import { NAMES, type Scene } from './scene.js';

/** Said only when something is wrong inside. */
const NEVER_LOGGED = [
  'failed inside',
  'A receiver threw',
  'an item cannot be stored',
  'cannot be written as a message',
  'ended otherwise than',
];

/** Looks at what passes by while the world runs: counts it, and finds what must never be seen. */
export class Watcher {
  /** Message ids of what nobody can understand. */
  readonly rubbish = new Set<string>();
  /** Every saga as the last commit left it. */
  readonly parked = new Map<string, number>();
  readonly states = new Map<string, SagaState>();
  private readonly versions = new Map<string, number>();

  constructor(private readonly world: Scene) {}

  committed({ loaded, writes, starts, stale, by }: CommitSeen): void {
    const { world } = this;
    const now = world.sagas.clock.now();
    if (world.lines) {
      for (const { state, history } of [...writes.starts, ...writes.updates]) {
        const told = history.map(({ seq, event, step, phase, outcome, effects }) =>
          [seq, event, step, phase, outcome, ...effects.map((effect) => `[${'step' in effect ? `${effect.step} ` : ''}${effect.do}]`)]
            .filter(Boolean)
            .join(' '),
        );
        if (told.length > 0) world.trace(`${by} commits ${state.id.slice(-4)}: ${stale.has(state.id) ? 'STALE ' : ''}${told.join('; ')}`);
      }
    }
    world.time.note(by);
    world.counters.add('commit');
    world.counters.add('saga written', writes.updates.length);
    for (const [index, { state }] of writes.starts.entries()) {
      if (starts[index]?.fate !== 'started') continue;
      this.versions.set(state.id, 1);
      this.states.set(state.id, state);
    }
    for (const update of writes.updates) {
      const { id } = update.state;
      if (stale.has(id)) continue;
      const before = this.versions.get(id) ?? 0;
      if (update.fromVersion !== before) {
        world.violate('V11', `saga ${id} was written by ${by} from version ${update.fromVersion}, while it was at ${before}`);
      }
      this.versions.set(id, update.fromVersion + 1);
      this.states.set(id, update.state);
      if (update.parked?.length) world.counters.add('reply parked');
      if (update.parked) this.parked.set(id, update.parked.length);
      // The clock may have been set back in the meantime.
      this.checkTimes(update, loaded.sagas.get(id)?.state, Math.max(now, loaded.now));
    }
  }

  claimed(asked: readonly InboxClaim[], claims: readonly Claim[]): void {
    const { counters } = this.world;
    asked.forEach((row, index) => {
      const claim = claims[index]!;
      // The row of its action comes just before the compensation's own.
      if (row.direction === 'compensation' && claim.fresh && claims[index - 1]?.fresh) counters.add('empty compensation');
      const isAction = row.direction === 'action' && row.requestHash !== '';
      if (claim.fresh) return;
      const { state } = claim.row;
      if (isAction && (state === 'success' || state === 'rejected')) counters.add('stored reply sent again');
      if (isAction && state === 'tombstone') counters.add('hanging action blocked');
      if (isAction && state === 'started') counters.add('outside effect run again');
      if (row.direction === 'compensation' && state === 'success') counters.add('stored undo sent again');
      if (row.direction === 'action' && !isAction && state === 'success') counters.add('undo or fence of what was done');
    });
  }
  stored(rows: readonly InboxWrite[]): void {
    for (const row of rows) if (row.state === 'tombstone') this.world.counters.add('tombstone');
  }

  published(_by: string, batch: readonly Outgoing[], outcomes: readonly PublishOutcome[]): void {
    const { world } = this;
    batch.forEach((out, index) => {
      const outcome = outcomes[index]!;
      world.counters.add(`publish ${outcome.fate}`);
      if (out.message.contentType === BATCH_CONTENT)
        world.counters.add(out.exchange === NAMES.commandExchange ? 'commands together' : 'replies together');
      if (isReplyQueue(out.routingKey, NAMES) && out.exchange === '') {
        world.counters.add(out.routingKey === NAMES.replies ? 'reply for any daemon' : 'reply for one daemon');
        world.pastReplies.push(out);
        if (world.pastReplies.length > 300) world.pastReplies.shift();
      }
    });
  }
  delivered(to: string, queue: string, deliveries: readonly Delivery[]): void {
    const { world } = this;
    world.counters.add('delivery', deliveries.length);
    for (const { redelivered, message } of deliveries) {
      if (redelivered) world.counters.add(isReplyQueue(queue, NAMES) ? 'reply delivered again' : 'message delivered again');
      world.time.note(message.messageId);
      if (world.lines)
        world.trace(
          `${to} gets ${message.messageId}${message.messageId.includes('#') ? '' : ` ${message.type}`}${redelivered ? ' again' : ''}`,
        );
    }
  }
  logged(who: string, level: string, fields: LogFields, message: string): void {
    if (level === 'error' && NEVER_LOGGED.some((part) => message.includes(part))) {
      // Two wrote from one version, and the history's key has noticed.
      const isSecondWriter = /history entry \d+ of saga/.test(String(fields['error']));
      this.world.violate(isSecondWriter ? 'V11' : 'V22', `${who} said: ${message} ${JSON.stringify(fields)}`);
    }
    if (message.includes('too long since the transaction began')) this.world.counters.add('stale publish kept back');
  }

  /** A message that cannot be understood; it has to end among the dead letters. */
  throwRubbish(form: number, id: number): void {
    const messageId = `rubbish-${id}`;
    const { world } = this;
    const facts = { appId: 'rubbish', now: world.time.now() };
    const unknown = `00000000-0000-7000-8000-${String(id).padStart(12, '9')}`;
    const reply = (commandId: string): Addressed => {
      const { message, ...rest } = encodeReply({ commandId, outcome: 'success', attempt: 1, body: 'null' }, NAMES, facts);
      return { ...rest, message: { ...message, messageId } };
    };
    const raw = (exchange: string, routingKey: string, over: Partial<Message>): Addressed => ({
      exchange,
      routingKey,
      message: {
        messageId,
        correlationId: messageId,
        type: '',
        replyTo: undefined,
        contentType: JSON_CONTENT,
        timestamp: undefined,
        appId: undefined,
        expirationMs: undefined,
        headers: {},
        body: encodeText('{'),
        ...over,
      },
    });
    const out = [
      reply('no command id'),
      reply(`${unknown}.s1.a.1`),
      reply(`${unknown}.none.c.1`),
      raw('', NAMES.starts, { type: 'saga0' }),
      raw(NAMES.commandExchange, 'alpha', { type: 'alpha.nothing' }),
      raw(NAMES.commandExchange, 'beta', { type: 'beta.act', body: encodeText('null') }),
      raw(NAMES.commandExchange, 'beta', inBatch({ properties: { message_id: messageId, type: 'beta.act' }, body: 1 })),
      raw('', NAMES.replies, inBatch({ properties: { message_id: messageId, correlation_id: 'no command id' } }, this.past())),
    ][form]!;
    if (world.broker.publish(out) === 'queued') this.rubbish.add(messageId);
  }

  /** A reply that was published alone, as an element: what is beside rubbish is read all the same. */
  private past(): unknown {
    for (const { message } of this.world.pastReplies) {
      const { messageId, correlationId, headers, contentType } = message;
      const body = readJsonBody(message, 'it');
      if (contentType !== JSON_CONTENT || !body.ok) continue;
      return { properties: { message_id: messageId, correlation_id: correlationId }, headers, body: body.value };
    }
    return undefined;
  }

  /** No timer is early by the database's clock (V15), and nothing is dated in the future. */
  private checkTimes(update: SagaUpdate, before: SagaState | undefined, now: number): void {
    if (!before) return;
    for (const entry of update.history) {
      this.world.counters.add(`history ${entry.event}`);
      if (entry.at > Math.max(now, before.eventAt)) {
        this.world.violate('V15', `entry ${entry.seq} of saga ${update.state.id} is dated ${entry.at - now} ms ahead of the database`);
      }
      const due = dueOf(entry, before);
      if (due !== undefined && due > now && due > before.eventAt) {
        this.world.violate('V15', `${entry.event} of ${entry.step ?? 'the saga'} ${update.state.id} came ${due - now} ms early`);
      }
    }
  }
}

function inBatch(...elements: readonly unknown[]): Partial<Message> {
  const said = elements.filter((element) => element !== undefined);
  return { contentType: BATCH_CONTENT, body: encodeText(JSON.stringify(said)) };
}

/** When the timer that an entry tells of was due, as the state before it says; `undefined` where that was set only since. */
function dueOf(entry: HistoryEntry, before: SagaState): number | undefined {
  if (entry.event === 'deadline-reached') return before.deadlineAt ?? Infinity;
  const at = entry.step === undefined ? undefined : before.steps[entry.step];
  const command: CommandState | undefined = entry.phase === 'a' ? at?.action : entry.phase === 'c' ? at?.undo : at?.fence;
  if (!command || command.execution !== entry.execution || command.attempt !== entry.attempt) return undefined;
  if (entry.event === 'timed-out' && command.status === 'inFlight') return command.timeoutAt;
  if (entry.event === 'backoff-over' && command.status === 'backingOff') return command.retryAt;
  if (entry.event === 'resent' && (command.status === 'inFlight' || command.status === 'stuck')) return command.resendAt;
  return undefined;
}
