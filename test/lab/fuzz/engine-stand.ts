import type { DecodedCommand } from '../../../src/core/codec-commands.js';
import type { Plan } from '../../../src/core/plan.js';
import { sagaView } from '../../../src/http/saga-view.js';
import { historyEntryView } from '../../../src/http/history-view.js';
import { SagaSchema, HistoryEntrySchema } from '../../../src/http/schemas.js';
import type { StoredSaga } from '../../../src/ports/saga-store.js';
import { EngineWorld } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import { planFrom } from '../../support/plans.js';
import { must, said, Violation, type Findings } from './entrance.js';
import { messageOf, type WireCase } from './message.js';
import { cut, mustBeReason, mustBeStorable, mustEqual } from './oracle.js';
import { lettersIn } from '../../support/dead-letters.js';

/** What a reply of `charge` has to be. */
const isReceipt = (value: unknown) => typeof value === 'object' && value !== null && typeof (value as { id?: unknown }).id === 'string';

/** Four kinds of steps; what came as input and replies goes on into the requests, so that rubbish that was taken travels. */
export const PLAN: Plan = planFrom({
  deadlineMs: 3_600_000,
  steps: [
    { name: 'reserve', rejections: ['out-of-stock'], request: ({ input }) => ({ input }) },
    {
      name: 'charge',
      rejections: ['card-declined'],
      attempts: 2,
      timeoutMs: 1_000,
      request: (given) => ({ reserved: given['reserve'] ?? null }),
      readReply: (value) => (isReceipt(value) ? { ok: true, value } : { ok: false, faults: ['id: must be a text'] }),
    },
    { name: 'look', kind: 'check', passes: (given) => given['charge'] !== 'no' },
    {
      name: 'ship',
      kind: 'pivot',
      timeoutMs: 1_000,
      request: (given) => ({ receipt: given['charge'], reserved: given['reserve'] ?? null }),
    },
    { name: 'confirm', kind: 'retriable', attempts: 1, timeoutMs: 1_000, request: (given) => ({ parcel: given['ship'] ?? null }) },
  ],
});

export const STEPS = ['reserve', 'charge', 'ship', 'confirm'] as const;

/** How often a message may be delivered before it counts as a loop. */
const MOST_DELIVERIES = 22;
/** Turns of the event loop after which nothing that needs no time can still be under way. */
const MOST_TURNS = 2_000;

/** An engine with its store, broker and clock in this process, and a look at all that it leaves behind. */
export class EngineStand {
  readonly world = new EngineWorld({ plans: [PLAN], settings: { namespace: 'backstep' } });
  /** Messages that were put into queues of the engine. */
  private sent = 0;
  private readonly answers: unknown[] = [];
  private linesRead = 0;

  static async open(): Promise<EngineStand> {
    const stand = new EngineStand();
    stand.world.script = () => undefined;
    await stand.world.open();
    await stand.world.consume('answers', (deliveries) => {
      for (const delivery of deliveries) {
        stand.answers.push(delivery.message);
        delivery.settle('done');
      }
    });
    return stand;
  }

  /** Starts a saga under an id of one's choice. */
  async begin(id: string, input: unknown, key?: string): Promise<void> {
    const { ids } = (this.world.engine as unknown as { readonly parts: { ids: { sagaId: () => string } } }).parts;
    const issue = ids.sagaId;
    ids.sagaId = () => id;
    try {
      await this.world.engine.start({ name: PLAN.name, input, ...(key === undefined ? {} : { key }) });
    } catch (error: unknown) {
      throw new Error(`the saga of the case cannot be started: ${said(error)}`, { cause: error });
    } finally {
      ids.sagaId = issue;
    }
  }

  /** Past the sender's own checks: a rogue sender has none. */
  send(queue: string, message: WireCase): void {
    const read = messageOf(message);
    // The client library and the broker allow no longer ones.
    this.world.broker.publish({ exchange: '', routingKey: queue, message: { ...read, expirationMs: undefined } });
    this.sent++;
  }

  /** Everything that was sent is settled, and every queue empty; after a little time that something may be waiting for. */
  async settle(): Promise<void> {
    for (let waits = 0; ; waits++) {
      for (let turn = 0; turn < MOST_TURNS && !this.isIdle(); turn += 2) await turns(2);
      if (this.isIdle()) return;
      if (waits === 30) break;
      await this.world.clock.advance(1_000);
    }
    const { replies, starts, deadLetters } = this.world.names;
    const depths = [replies, starts, deadLetters].map((queue) => `${queue}: ${this.world.broker.depth(queue)}`).join(', ');
    throw new Violation('message that is never settled', `${this.settledDone()} of ${this.sent} are settled; waiting: ${depths}`);
  }

  /** Time passes at once; then whatever is due is looked at. */
  async pass(ms: number): Promise<void> {
    this.world.clock.leap(ms);
    await this.world.clock.advance(500);
  }

  commands(): readonly DecodedCommand[] {
    return this.world.received;
  }

  private isIdle(): boolean {
    const { replies, starts, deadLetters } = this.world.names;
    return (
      this.settledDone() >= this.sent + this.letters() &&
      [replies, starts, deadLetters].every((queue) => this.world.broker.depth(queue) === 0)
    );
  }
  /** Every dead letter is a message of its own, which its keeper settles. */
  private letters(): number {
    return this.world.logs.count('a message was put aside');
  }
  private settledDone(): number {
    return this.world.settled.filter(({ verdict }) => verdict === 'done').length;
  }

  /** Looks at everything that is stored, and at what was said. */
  async check(entrance: string, found: Findings): Promise<void> {
    const { world } = this;
    must(
      world.settled.length <= this.settledDone() + MOST_DELIVERIES,
      'retry loop',
      () => `${world.settled.length} deliveries of ${this.sent} messages`,
    );
    const seen = new Set<string>();
    for (let cursor: string | undefined; ;) {
      const page = await world.store.list({ limit: 500, ...(cursor === undefined ? {} : { cursor }) });
      for (const { state } of page.sagas) {
        seen.add(state.id);
        await this.checkSaga(entrance, state.id, found);
      }
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    found.count('sagas read back', seen.size);
    await this.checkLetters(entrance, found);
    this.checkLogs();
    for (const answer of this.answers.splice(0)) mustBeAnswer(answer as ReturnType<typeof messageOf>);
  }

  private async checkSaga(entrance: string, id: string, found: Findings): Promise<void> {
    const { store } = this.world;
    const saga = await store.find(id);
    must(saga !== undefined, 'row that cannot be found', () => `saga ${id} is listed and not found`);
    mustBeStorable(saga, `saga ${id}`);
    const history = (await store.history(id, 0, 10_000)) ?? [];
    mustBeStorable(history, `the history of ${id}`);
    must(history.length === saga.state.seq, 'history with a gap', () => `${id} has ${history.length} entries and seq ${saga.state.seq}`);
    const view = sagaView(saga.state, PLAN);
    const read = SagaSchema.safeParse(JSON.parse(JSON.stringify(view)));
    must(read.success, 'view that its schema refuses', () => `saga ${id}: ${cut(String(read.error), 400)}`);
    for (const entry of history) {
      const told = HistoryEntrySchema.safeParse(JSON.parse(JSON.stringify(historyEntryView(entry, saga.state.noted))));
      must(told.success, 'view that its schema refuses', () => `history of ${id}: ${cut(String(told.error), 400)}`);
      if (entry.effects.length > 0) found.count('events that changed something');
    }
    found.keep({ entrance, kind: 'saga', value: { saga: saga satisfies StoredSaga, history } });
    if (saga.state.key === null) return;
    const byKey = await store.findByKey(saga.state.name, saga.state.key);
    mustEqual(byKey?.state.id, id, 'row that its key does not find', `key ${cut(saga.state.key)}`);
  }

  private async checkLetters(entrance: string, found: Findings): Promise<void> {
    const letters = await lettersIn(this.world.store);
    found.count('dead letters kept', letters.length);
    for (const letter of letters) {
      mustBeStorable(letter, 'a dead letter');
      mustBeReason(letter.reason, 'a dead letter');
      found.keep({ entrance, kind: 'dead-letter', value: letter });
    }
  }

  /** Nothing of what a stranger sends is the engine's own fault, and none of it fills the log. */
  checkLogs(): void {
    for (const { level, fields, message } of this.world.logs.lines.slice(this.linesRead)) {
      const length = JSON.stringify(fields).length;
      must(length <= 16_000, 'log line without end', () => `'${message}' has ${length} characters`);
      if (level === 'error') throw new Violation('error in the log', `${message}: ${cut(JSON.stringify(fields), 1_500)}`);
    }
    this.linesRead = this.world.logs.lines.length;
  }

  async close(): Promise<void> {
    const stopping = this.world.engine.stop();
    for (let waits = 0; waits < 30 && !(await isDone(stopping)); waits++) await this.world.clock.advance(1_000);
    await stopping;
  }
}

async function isDone(work: Promise<void>): Promise<boolean> {
  const open = Symbol('open');
  return (await Promise.race([work, turns(4).then(() => open)])) !== open;
}

/** Whoever asks for an answer can read it. */
function mustBeAnswer(message: ReturnType<typeof messageOf>): void {
  must(message.body.byteLength <= 262_144, 'answer without end', () => `an answer to a start has ${message.body.byteLength} bytes`);
  const answer = JSON.parse(Buffer.from(message.body).toString()) as { readonly message?: string };
  if (answer.message !== undefined) mustBeReason(answer.message, 'an answer to a start');
}
