import type { Chance } from '../kit/chance.js';
import { EngineStand, STEPS } from './engine-stand.js';
import type { Entrance, Findings, Session } from './entrance.js';
import { anyMessage, type WireCase } from './message.js';
import { replyTemplate, startTemplate } from './templates.js';
import { NO_SAGA } from './values.js';

/** A saga, and what comes for it. */
interface Conversation {
  readonly number?: number;
  readonly input?: unknown;
  readonly key?: string;
  readonly messages?: readonly Message[];
}
interface Message {
  readonly to?: string;
  /** Time that passes before it, in milliseconds. */
  readonly after?: number;
  readonly message?: WireCase;
}

/** A saga's id follows from the number of its case, so that messages can be made for it before it is there. */
function sagaIdOf(number: number): string {
  return `0198f000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** Replies to sagas that are there, through the queue into `decide` and the store. */
export const replies: Entrance<Conversation> = {
  name: 'replies',
  about: 'the reply queue (and rubbish on the other queues of the engine), through `decide` into the store',
  share: 130,
  batch: 40,
  rows: ['C3', 'C4', 'C5', 'C6', 'C7', 'C8', 'C9', 'C12', 'C13'],
  make: (chance, number) => ({
    number,
    input: { total: 3, lines: [{ sku: 'a', quantity: 1 }] },
    ...(chance.is(0.3) ? { key: `key ${number}` } : {}),
    messages: Array.from({ length: chance.between(1, 6) }, (_, at) => makeReply(chance, sagaIdOf(number), at)),
  }),
  inputsIn: ({ messages = [] }) => messages.length,
  open: () => open('replies', converse),
};

/** Starts over the wire. */
export const starts: Entrance<Conversation> = {
  name: 'starts',
  about: 'the start queue: rubbish, repeated ids with another input, answers to wherever the sender says',
  share: 70,
  batch: 40,
  rows: ['C3', 'C4', 'C5', 'C6', 'C7', 'C8', 'C12', 'C13'],
  make: (chance, number) => ({ number, messages: Array.from({ length: chance.between(1, 3) }, () => makeStart(chance, number)) }),
  inputsIn: ({ messages = [] }) => messages.length,
  open: () => open('starts', converse),
};

function makeReply(chance: Chance, saga: string, at: number): Message {
  // In order more often than not: what waits for nobody changes nothing.
  const step = chance.is(0.7) ? STEPS[Math.min(at, STEPS.length - 1)]! : chance.pick([...STEPS, 'look', 'nothing']);
  const phase = chance.is(0.85) ? 'a' : chance.pick(['c', 'f']);
  const execution = chance.is(0.9) ? 1 : chance.pick([0, 2, 999_999_999]);
  const command = `${chance.is(0.95) ? saga : NO_SAGA}.${step}.${phase}.${execution}`;
  const good = { id: 'r-1', amount: 12, lines: [{ sku: 'a', quantity: 2 }], note: null };
  const bad = {
    code: chance.pick(['out-of-stock', 'card-declined', 'undone', 'beyond-horizon', 'id-reused', 'else']),
    message: 'no',
    details: good,
  };
  const outcome = chance.pick([undefined, 'success', 'success', 'rejected', 'error']);
  const template = replyTemplate(
    command,
    outcome === 'rejected' || outcome === 'error' ? bad : good,
    outcome,
    chance.pick([1, 1, 1, 2, 0]),
  );
  const isPlain = chance.is(0.35);
  const message = isPlain
    ? { properties: { ...template.properties, headers: template.headers }, body: Buffer.from(JSON.stringify(template.body)) }
    : anyMessage(chance, template);
  return {
    to: chance.is(0.92) ? 'replies' : chance.pick(['dead-letters', 'starts']),
    after: chance.is(0.1) ? chance.pick([1, 1_500, 120_000]) : 0,
    message,
  };
}

function makeStart(chance: Chance, number: number): Message {
  const id = `start ${chance.is(0.5) ? number : chance.between(0, number)}`;
  const template = startTemplate(
    id,
    { total: 3, number: chance.between(0, 1) },
    {
      ...(chance.is(0.3) ? { key: `key ${chance.between(0, 5)}` } : {}),
      ...(chance.is(0.5)
        ? { replyTo: chance.pick(['answers', 'answers', 'nowhere', 'backstep.replies', 'backstep.dead-letters', '\u0000']) }
        : {}),
    },
  );
  return { to: 'starts', message: anyMessage(chance, template) };
}

async function open(
  entrance: string,
  talk: (stand: EngineStand, cases: readonly Conversation[], found: Findings) => Promise<void>,
): Promise<Session<Conversation>> {
  const stand = await EngineStand.open();
  return {
    feed: async (cases, found) => {
      await talk(stand, cases, found);
      await stand.check(entrance, found);
    },
    close: () => stand.close(),
  };
}

/** Every saga gets its first message, then every saga its second, and so on: batches mix good and bad. */
async function converse(stand: EngineStand, cases: readonly Conversation[], found: Findings): Promise<void> {
  for (const one of cases) if (one.input !== undefined) await stand.begin(sagaIdOf(one.number ?? 0), one.input, one.key);
  const rounds = Math.max(0, ...cases.map(({ messages = [] }) => messages.length));
  for (let round = 0; round < rounds; round++) {
    const now = cases.flatMap(({ messages = [] }) => messages[round] ?? []);
    const wait = Math.max(0, ...now.map(({ after = 0 }) => after));
    if (wait > 0) await stand.pass(wait);
    for (const { to = 'replies', message = {} } of now) stand.send(`backstep.${to}`, message);
    found.count('messages', now.length);
    await stand.settle();
  }
}
