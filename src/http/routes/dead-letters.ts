import { createRoute } from '@hono/zod-openapi';
import { SagaError } from '../../core/errors.js';
import { LIMITS } from '../../core/json.js';
import type { KeptLetter, LetterMark, LetterSummary } from '../../ports/dead-letters.js';
import { deciderOf } from '../access/audited.js';
import type { HttpApp, HttpContext } from '../context.js';
import * as letterSchema from '../schemas-dead-letters.js';
import { DecreeBody } from '../schemas.js';
import { iso } from '../time.js';
import { answer, body, refusals } from './answers.js';

const list = createRoute({
  method: 'get',
  path: '/api/v1/dead-letters',
  summary: 'Messages that could not be understood or trusted, newest first, without their bodies',
  request: { query: letterSchema.DeadLettersQuery },
  responses: { 200: answer(letterSchema.DeadLettersSchema, 'A page'), ...refusals },
});
const show = createRoute({
  method: 'get',
  path: '/api/v1/dead-letters/{id}',
  summary: 'One dead letter with its body',
  request: { params: letterSchema.DeadLetterParams },
  responses: { 200: answer(letterSchema.DeadLetterSchema, 'The dead letter'), ...refusals },
});

/** Dead letters: looking at them, putting them back, and saying that they are not needed. */
export function addDeadLetterRoutes(app: HttpApp, { store, deadLetters }: HttpContext): void {
  app.openapi(list, async (c) => {
    const { status = ['waiting'], queue, reason, limit, cursor } = c.req.valid('query');
    const page = await store.letters.page({
      status,
      limit,
      ...(queue === undefined ? {} : { queue }),
      ...(reason === undefined ? {} : { reason }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    return c.json(
      {
        deadLetters: page.letters.map((letter) => summaryView(letter, deadLetters.whyNot(letter))),
        ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
      },
      200,
    );
  });
  app.openapi(show, async (c) => {
    const { id } = c.req.valid('param');
    const letter = await store.letters.find(id);
    if (!letter) throw new SagaError('SAGA_DEAD_LETTER_NOT_FOUND', `there is no dead letter ${id}`);
    return c.json(letterView(letter, deadLetters.whyNot(letter)), 200);
  });
  for (const verb of ['replay', 'discard'] as const) {
    app.openapi(route(verb), async (c) => {
      const { by, reason } = c.req.valid('json');
      const letter = await deadLetters[verb](c.req.valid('param').id, { by: deciderOf(c, by), reason });
      return c.json(summaryView(letter, deadLetters.whyNot(letter)), 200);
    });
  }
}

const VERBS = {
  replay: { summary: 'Put the message back where it came from, as it was', done: 'It is in its queue again' },
  discard: { summary: 'Say that the message is not needed', done: 'It is marked, and kept until its time is over' },
} as const;

function route(verb: keyof typeof VERBS) {
  const { summary, done } = VERBS[verb];
  return createRoute({
    method: 'post',
    path: `/api/v1/dead-letters/{id}/${verb}`,
    summary,
    request: { params: letterSchema.DeadLetterParams, body: body(DecreeBody) },
    responses: { 200: answer(letterSchema.DeadLetterSummarySchema, done), ...refusals },
  });
}

function letterView(letter: KeptLetter, whyNot: string | undefined): letterSchema.DeadLetterView {
  return { ...summaryView(letter, whyNot), encoding: letter.encoding, body: letter.body };
}

function summaryView(letter: LetterSummary, whyNot: string | undefined): letterSchema.DeadLetterSummaryView {
  return {
    id: letter.id,
    status: letter.status,
    queue: letter.queue,
    reason: letter.reason,
    at: iso(letter.at),
    messageId: letter.messageId,
    correlationId: letter.correlationId,
    type: letter.type,
    contentType: letter.contentType,
    replyTo: letter.replyTo,
    appId: letter.appId,
    headers: { ...letter.headers },
    bytes: letter.bytes,
    sha256: letter.sha256,
    cut: letter.bytes > LIMITS.payloadBytes,
    replayable: whyNot === undefined,
    ...(whyNot === undefined ? {} : { whyNot }),
    replays: letter.replays,
    replayed: markView(letter.replay),
    discarded: markView(letter.discard),
  };
}

function markView(mark: LetterMark | null) {
  return mark && { by: mark.by, reason: mark.reason, at: iso(mark.at) };
}
