import { elementOf } from '../core/codec-batch.js';
import { decodeReplies } from '../core/codec-replies.js';
import { decodeStart } from '../core/codec-starts.js';
import { messageOf, SagaError } from '../core/errors.js';
import type { Message, Names } from '../core/wire.js';
import type { Judgement, OrchestratorSigning } from '../ports/signing.js';
import type { Delivery } from '../ports/transport.js';
import type { StartRequest } from './service.js';
import type { StartWork, Work } from './work.js';

/**
 * Reads deliveries of the reply queue; what cannot be read or trusted becomes work for the dead letters. `signing`: where messages are
 * signed.
 */
export function replyWork(deliveries: readonly Delivery[], names: Names, signing?: OrchestratorSigning): Work[] {
  const works: Work[] = [];
  for (const delivery of deliveries) {
    const judged = signing?.judgeReply(delivery.message);
    if (judged && !judged.ok) {
      works.push(untrusted(delivery, names.replies, judged));
      continue;
    }
    const by = judged?.by;
    const { replies, faults } = decodeReplies(delivery.message);
    const parts = replies.length + faults.length;
    const settled = parts === 1 ? delivery : shared(delivery, parts);
    for (const reply of replies)
      works.push({
        kind: 'reply',
        reply,
        by,
        delivery: parts === 1 ? settled : new PartOfDelivery(settled, reply.commandId),
      });
    for (const { reason, message } of faults)
      works.push({ kind: 'dead', queue: names.replies, reason, delivery: new PartOfDelivery(settled, message) });
  }
  return works;
}

/**
 * Reads deliveries of the start queue. `prepare` throws a SagaError for a start that cannot be made. `signing`: where messages are signed;
 * whoever cannot be trusted gets no answer.
 */
export function startWork(
  deliveries: readonly Delivery[],
  names: Names,
  prepare: (request: StartRequest) => Omit<StartWork, 'kind' | 'caller'>,
  signing?: OrchestratorSigning,
): Work[] {
  return deliveries.map((delivery): Work => {
    const judged = signing?.judgeStart(delivery.message);
    if (judged && !judged.ok) return untrusted(delivery, names.starts, judged);
    const read = decodeStart(delivery.message, names);
    const answerTo = read.answerTo && judged?.by !== undefined ? { ...read.answerTo, client: judged.by } : read.answerTo;
    const dead = (error: SagaError): Work => {
      const about = { kind: 'dead', delivery, queue: names.starts, reason: error.message } as const;
      return answerTo ? { ...about, refusal: { error, answerTo } } : about;
    };
    if (!read.ok) return dead(new SagaError('SAGA_REQUEST_INVALID', read.reason));
    const { name, input, version, key, startId, traceparent, tracestate } = read.start;
    try {
      const prepared = prepare({
        name,
        input,
        ...(version === undefined ? {} : { version }),
        ...(key === undefined ? {} : { key }),
        ...(startId === undefined ? {} : { startId }),
        ...(traceparent === undefined ? {} : { traceparent }),
        ...(tracestate === undefined ? {} : { tracestate }),
      });
      return { kind: 'start', ...prepared, caller: { via: 'wire', delivery, answerTo } };
    } catch (error: unknown) {
      // One that was thrown on would leave every delivery that came with it unsettled.
      return dead(error instanceof SagaError ? error : new SagaError('SAGA_INTERNAL', messageOf(error), [], { cause: error }));
    }
  });
}

function untrusted(delivery: Delivery, queue: string, { reason, fault }: Extract<Judgement, { ok: false }>): Work {
  return { kind: 'dead', delivery, queue, reason, fault };
}

/** A delivery as far as it is about one message in it, given or named by its correlation id: hardly ever is it looked for. */
class PartOfDelivery implements Delivery {
  constructor(
    private readonly whole: Delivery,
    private readonly part: Message | string,
  ) {}

  get message(): Message {
    return typeof this.part === 'string' ? elementOf(this.whole.message, this.part) : this.part;
  }
  get redelivered(): boolean {
    return this.whole.redelivered;
  }
  settle(verdict: 'done' | 'requeue'): void {
    this.whole.settle(verdict);
  }
}

/** One delivery that several items stand on: settled when the last of them is, and requeued if any of them is to come again. */
function shared(delivery: Delivery, parts: number): Delivery {
  let left = parts;
  let verdict: 'done' | 'requeue' = 'done';
  return {
    message: delivery.message,
    redelivered: delivery.redelivered,
    settle: (given) => {
      left -= 1;
      if (given === 'requeue') verdict = 'requeue';
      if (left === 0) delivery.settle(verdict);
    },
  };
}
