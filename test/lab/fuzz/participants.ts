import { z } from 'zod';
import { decodeReply } from '../../../src/core/codec-replies.js';
import { namesIn, type Message } from '../../../src/core/wire.js';
import { InMemoryInbox } from '../../../src/memory/in-memory-inbox.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import { InProcessBroker } from '../../../src/memory/transport-broker.js';
import { Host, type HostParts } from '../../../src/participant/host.js';
import type { Delivery, Transport } from '../../../src/ports/transport.js';
import { command, contract } from '../../../src/saga/contract.js';
import { handlersOf } from '../../../src/saga/handlers.js';
import { participant } from '../../../src/saga/participant.js';
import { typed } from '../../../src/saga/schema.js';
import type { Chance } from '../kit/chance.js';
import { LogBook } from '../../support/engine.js';
import { ManualClock, turns } from '../../support/manual-clock.js';
import { must, Violation, type Entrance, type Findings, type Session } from './entrance.js';
import { anyMessage, messageOf, type WireCase } from './message.js';
import { anyOdd, madeOf } from './odd.js';
import { cut, mustBeReason, mustBeStorable } from './oracle.js';
import { commandTemplate } from './templates.js';

/** Commands of one saga, and how the handlers behave. */
interface Commands {
  readonly sagaId?: string;
  readonly behaviour?: Behaviour;
  readonly messages?: readonly WireCase[];
}
interface Behaviour {
  readonly does?: 'returns' | 'throws' | 'rejects' | 'throws at once' | 'never ends';
  /** Described as in `odd.ts`. */
  readonly what?: unknown;
}

const START = Date.UTC(2026, 0, 1);

export const participants: Entrance<Commands> = {
  name: 'participant',
  about: "the participants' side: rubbish for commands, and handlers that return and throw whatever JavaScript has",
  share: 130,
  batch: 40,
  rows: ['B19', 'C3', 'C4', 'C5', 'C6', 'C7', 'C8', 'C12', 'C13'],
  make: makeCommands,
  inputsIn: ({ messages = [] }) => messages.length,
  open,
};

function makeCommands(chance: Chance, number: number): Commands {
  const sagaId = `0198f000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
  const does = chance.pick(['returns', 'returns', 'throws', 'rejects', 'throws at once', 'never ends'] as const);
  const what = chance.is(0.5)
    ? anyOdd(chance)
    : { paymentId: chance.is(0.7) ? 'p-1' : anyOdd(chance), more: chance.is(0.5) ? anyOdd(chance) : 1 };
  return {
    sagaId,
    ...(chance.is(0.6) ? { behaviour: { does: chance.is(0.02) ? 'never ends' : does === 'never ends' ? 'returns' : does, what } } : {}),
    messages: Array.from({ length: chance.between(1, 4) }, (_, at) => makeCommand(chance, sagaId, at)),
  };
}

function makeCommand(chance: Chance, sagaId: string, at: number): WireCase {
  const phase = chance.pick(at === 0 ? (['a', 'a', 'a', 'c', 'f'] as const) : (['a', 'c', 'c', 'f'] as const));
  const name = phase === 'c' ? 'refund' : chance.pick(['charge', 'charge', 'look', 'nothing']);
  const type = phase === 'f' ? 'backstep.fence' : `payments.${name}`;
  const facts = {
    sagaId,
    step: 'pay',
    phase,
    type,
    firstSentAt: START,
    attempt: chance.pick([1, 1, 2]),
    execution: chance.pick([1, 1, 1, 2]),
  };
  return anyMessage(chance, commandTemplate(facts, { amount: chance.between(1, 2), note: 'n', list: [1, 2] }));
}

const Payments = contract('payments', {
  charge: command({ request: z.object({ amount: z.number() }), reply: typed<Record<string, string>>(), rejections: ['card-declined'] }),
  look: command({ request: typed<Record<string, string>>(), reply: z.object({ paymentId: z.string() }) }),
  refund: command({ request: z.object({ amount: z.number() }) }),
});

async function open(): Promise<Session<Commands>> {
  const stand = new Stand();
  await stand.start();
  return { feed: (cases, found) => stand.feed(cases, found), close: () => stand.close() };
}

function abortOf({ abortSignal }: { readonly abortSignal: AbortSignal }): Promise<never> {
  return new Promise((_, reject) => abortSignal.addEventListener('abort', () => reject(new Error('its time was up')), { once: true }));
}

/** A host on a broker and an inbox in memory. */
class Stand {
  private readonly clock = new ManualClock();
  private readonly broker = new InProcessBroker(this.clock);
  private readonly inbox = new InMemoryInbox(this.clock);
  private readonly logs = new LogBook();
  private readonly names = namesIn('backstep');
  private readonly replies: Message[] = [];
  private readonly letters: Message[] = [];
  private readonly behaviours = new Map<string, Behaviour>();
  private readonly inner = new InProcessTransport({ broker: this.broker, clock: this.clock, logger: this.logs });
  private deliveries = 0;
  private settled = 0;
  private host!: Host;

  async start(): Promise<void> {
    await this.inner.declare({
      exchanges: [],
      queues: [{ name: this.names.replies, deliveryLimit: 20 }, { name: this.names.deadLetters }],
      bindings: [],
    });
    for (const [queue, into] of [
      [this.names.replies, this.replies],
      [this.names.deadLetters, this.letters],
    ] as const) {
      await this.inner.consume(queue, { prefetch: 1_000 }, (deliveries) => {
        for (const delivery of deliveries) {
          into.push(delivery.message);
          delivery.settle('done');
        }
      });
    }
    this.host = new Host({
      declarations: [handlersOf(this.payments())],
      store: this.inbox as HostParts['store'],
      transport: this.counting(),
      clock: this.clock,
      logger: this.logs,
      settings: { handlerTimeoutMs: 1_000 },
    });
    await this.host.start();
  }

  async feed(cases: readonly Commands[], found: Findings): Promise<void> {
    const queue = this.names.commands('payments');
    for (const { sagaId, behaviour } of cases) if (sagaId !== undefined && behaviour !== undefined) this.behaviours.set(sagaId, behaviour);
    const rounds = Math.max(0, ...cases.map(({ messages = [] }) => messages.length));
    let sent = 0;
    for (let round = 0; round < rounds; round++) {
      for (const one of cases.flatMap(({ messages = [] }) => messages[round] ?? [])) {
        this.broker.publish({ exchange: '', routingKey: queue, message: { ...messageOf(one), expirationMs: undefined } });
        sent++;
      }
      await this.settle(queue, sent);
    }
    found.count('commands', sent);
    this.check(sent, found);
  }

  async close(): Promise<void> {
    let isOver = false;
    const stopping = this.host.stop().then(() => (isOver = true));
    for (let waits = 0; waits < 30 && !isOver; waits++) await this.clock.advance(1_000);
    await stopping;
  }

  private payments() {
    const handle = (context: { readonly saga: { readonly id: string } }): unknown => this.behave(this.behaviours.get(context.saga.id));
    // What a handler returns is no business of the types here.
    const handlers = {
      charge: async (_: unknown, context: never) => handle(context),
      // One with effects outside keeps its place until it ends, so it has to heed the signal.
      look: { effects: 'outside', handle: (_: unknown, context: never) => Promise.race([handle(context), abortOf(context)]) },
      refund: (_: unknown, context: never) => handle(context),
    };
    return participant(Payments as never, handlers as never);
  }

  private behave({ does = 'returns', what = { paymentId: 'p-0' } }: Behaviour = {}): unknown {
    const made = madeOf(what);
    switch (does) {
      case 'returns':
        return made;
      case 'rejects':
        throw Payments.charge.rejection('card-declined', { message: 'no', details: made });
      case 'never ends':
        return new Promise(() => undefined);
      case 'throws':
        return Promise.reject(made); // oxlint-disable-line typescript/prefer-promise-reject-errors
      case 'throws at once':
        throw made; // oxlint-disable-line typescript/only-throw-error
    }
  }

  private async settle(queue: string, sent: number): Promise<void> {
    const isIdle = () => this.settled >= sent && this.broker.depth(queue) === 0;
    for (let waits = 0; waits < 40; waits++) {
      for (let turn = 0; turn < 600 && !isIdle(); turn += 2) await turns(2);
      if (isIdle()) break;
      await this.clock.advance(1_000);
    }
    if (!isIdle()) {
      const last = this.logs.lines.at(-1);
      throw new Violation(
        'command that is never settled',
        `${this.settled} of ${sent} are settled after ${this.deliveries} deliveries; the log ends with: ${last?.message} ${cut(JSON.stringify(last?.fields ?? {}), 500)}`,
      );
    }
    // Answers are in their queues by now; they only have to be taken out.
    await turns(6);
  }

  private check(sent: number, found: Findings): void {
    must(this.deliveries <= sent * 3, 'retry loop', () => `${this.deliveries} deliveries of ${sent} commands`);
    must(
      this.replies.length + this.letters.length >= sent,
      'command without answer',
      () => `${this.replies.length} replies and ${this.letters.length} dead letters for ${sent} commands`,
    );
    for (const reply of this.replies) {
      const read = decodeReply(reply);
      must(read.ok, 'reply that cannot be read', () => (read.ok ? '' : read.reason));
      must(
        read.reply.unusable === undefined,
        'reply that cannot be used',
        () => `${read.reply.unusable} (${cut(Buffer.from(reply.body).toString())})`,
      );
      mustBeStorable({ ...read.reply, text: undefined }, 'a reply');
      found.count(`answered ${read.reply.outcome}${read.reply.code === undefined ? '' : ` ${read.reply.code}`}`);
    }
    for (const letter of this.letters) mustBeReason(String(letter.headers['dead-letter-reason'] ?? ''), 'a dead letter');
    found.count('commands put aside', this.letters.length);
    for (const { fields, message } of this.logs.lines) {
      // An Error says nothing as JSON.
      const length = JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? String(value.message) : value)).length;
      must(length <= 16_000, 'log line without end', () => `'${message}' has ${length} characters`);
    }
  }

  private counting(): Transport {
    const { inner } = this;
    const counted = (delivery: Delivery): Delivery => {
      this.deliveries++;
      return {
        message: delivery.message,
        redelivered: delivery.redelivered,
        settle: (verdict) => {
          if (verdict === 'done') this.settled++;
          delivery.settle(verdict);
        },
      };
    };
    return {
      declare: (topology) => inner.declare(topology),
      publish: (batch) => inner.publish(batch),
      consume: (queue, options, receive) => inner.consume(queue, options, (deliveries) => receive(deliveries.map(counted))),
      health: () => inner.health(),
      onHealth: (listener) => inner.onHealth(listener),
      close: () => inner.close(),
    };
  }
}
