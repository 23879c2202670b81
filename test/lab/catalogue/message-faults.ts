import type { Fault } from './types.js';

/** Group C: messages that are poison, broken, too much, or not what they say. */
export const MESSAGE_FAULTS: readonly Fault[] = [
  {
    id: 'C1',
    fault: 'a command whose handler always throws, or kills its process',
    expected:
      'throws: bounded attempts with back-off, then the saga turns back. Kills: put among the dead letters before the delivery limit, then time-out and compensation',
    run: 'CF',
  },
  {
    id: 'C2',
    fault: 'a process in a crash loop drives the innocent messages that it had prefetched over the delivery limit',
    expected: 'their sagas end all the same: the timer sends them again',
    run: 'F',
  },
  {
    id: 'C3',
    fault: 'malformed JSON, an empty body, a wrong content type or encoding, a bomb in gzip',
    expected: 'put aside with a reason before anything is unpacked or handled; nothing is ever unpacked',
    run: 'CF',
  },
  {
    id: 'C4',
    fault: 'wrong types, missing fields, further fields, lists for objects',
    expected:
      'at the edge: refused by the schema, with the place. A request that does not fit its contract: an `error`. A reply: a success without a usable reply. Further fields are ignored',
    run: 'CF',
  },
  {
    id: 'C5',
    fault: '`__proto__` and `constructor.prototype` in body, headers, definition, query',
    expected: 'a field named `__proto__` is refused by name; everything else is inert and comes back as it was; no prototype changes',
    run: 'CF',
  },
  {
    id: 'C6',
    fault: 'integers beyond 2^53, 1e400, NaN, −0, money as a fraction',
    expected:
      'integers that would lose a digit and numbers beyond all are refused at the edge; integers as text survive exactly; −0 becomes 0; a fraction is what a double makes of it',
    deviation: 'big integers are refused rather than turned into text: a payload that changes its types is no longer what was sent',
    run: 'CF',
  },
  {
    id: 'C7',
    fault: 'NUL in text, half a surrogate pair, invalid UTF-8, a byte order mark, marks that turn the line round',
    expected: 'refused at the edge, or put aside with a reason; never a loop of retries; text for people is printed escaped',
    run: 'CF',
  },
  {
    id: 'C8',
    fault: 'a depth of 10,000, a million keys, 10 MiB of text',
    expected: 'refused before storing: 64 levels and 256 KiB by default',
    run: 'CF',
  },
  {
    id: 'C9',
    fault: 'a reply that is too large, or a saga that grows over many steps',
    expected:
      'a success without a usable reply, so that the saga turns back and undoes it; a request that no longer fits leaves its step stuck, and a cancel undoes all; there is never a state that cannot be stored',
    deviation: 'a request that cannot be built is a fault of the definition, so that a person is asked before everything is undone',
    run: 'CF',
  },
  {
    id: 'C10',
    fault: 'a message larger than the broker takes',
    expected:
      'the broker’s complaint says what it takes: larger ones are refused from then on, their steps time out and the sagas turn back; the others flow',
    deviation: 'a command is no row of an outbox that could be parked: it is in flight in its saga, whose time-outs decide',
    run: 'CF',
  },
  {
    id: 'C11',
    fault: 'messages a hundred times over, reordered, ten minutes late',
    expected: 'one effect; the state of the saga decides, not the order of arrival',
    run: 'CF',
  },
  {
    id: 'C12',
    fault: 'a message id that comes again with another body',
    expected: 'answered `error`, code `id-reused`; nothing is run; another start under a used id is refused',
    deviation: 'it is answered rather than put aside, so that the step says what is wrong',
    run: 'CF',
  },
  {
    id: 'C13',
    fault: 'headers that act: `CC`, `BCC`, `reply-to`, `x-death`, priority, expiration',
    expected:
      'no header of a message is copied into another. The SDK answers into the reply queue of its namespace, whatever `reply_to` says; whoever starts a saga names its own queue, and none of ours',
    deviation: 'services without the SDK answer to `reply_to`: that is what makes them as small as they are',
    run: 'CF',
  },
  {
    id: 'C14',
    fault: 'a policy lets messages in our queues expire',
    expected: 'harmless: what expired is sent again by the timer, and the sagas end',
    deviation: 'a policy cannot be seen over AMQP, so that a start-up check is impossible without the management API',
    run: 'F',
  },
];
