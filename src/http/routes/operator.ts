import { createRoute, type z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { statusOf } from '../../core/state.js';
import type { Operated, OperatorEvent } from '../../engine/service.js';
import { deciderOf } from '../access/audited.js';
import type { HttpApp, HttpContext, HttpEnv } from '../context.js';
import { etagOf, versionsIn } from '../etag.js';
import { storedView } from '../saga-view.js';
import { OperatorHeaders } from '../schemas-headers.js';
import * as schema from '../schemas.js';
import { answer, body, refusals } from './answers.js';
import { planOf } from './sagas.js';

/** An operator's decisions: cancel, suspend, resume, retry, settle. */
export function addOperatorRoutes(app: HttpApp, context: HttpContext): void {
  for (const verb of ['cancel', 'suspend', 'resume'] as const) {
    app.openapi(route(verb, schema.DecreeBody), async (c) => {
      const { by, reason } = c.req.valid('json');
      return operate(c, context, c.req.valid('param').id, { kind: verb, by: deciderOf(c, by), text: reason });
    });
  }
  app.openapi(route('retry', schema.RetryBody), async (c) => {
    const { by, reason, step, confirm, ...rest } = c.req.valid('json');
    const edited = 'request' in rest ? { request: rest.request } : {};
    const event = { kind: 'retry', by: deciderOf(c, by), text: reason, step, ...edited, ...(confirm ? { confirm } : {}) } as const;
    return operate(c, context, c.req.valid('param').id, event);
  });
  app.openapi(route('settle', schema.SettleBody), async (c) => {
    const { by, reason, step, outcome, code, ...rest } = c.req.valid('json');
    const reply = 'reply' in rest ? { reply: rest.reply } : {};
    const event = {
      kind: 'settle',
      by: deciderOf(c, by),
      text: reason,
      step,
      outcome,
      ...reply,
      ...(code === undefined ? {} : { code }),
    } as const;
    return operate(c, context, c.req.valid('param').id, event);
  });
}

const SUMMARY = {
  cancel: 'Turn back: undo what was done (before the pivot has succeeded)',
  suspend: 'Send nothing until it is resumed',
  resume: 'Go on after a suspend',
  retry: 'Try a stuck step again',
  settle: 'Give the answer that the participant could not',
} as const;

function route<Verb extends keyof typeof SUMMARY, T extends z.ZodType>(verb: Verb, bodySchema: T) {
  return createRoute({
    method: 'post',
    path: `/api/v1/sagas/{id}/${verb}`,
    summary: SUMMARY[verb],
    request: { params: schema.SagaParams, headers: OperatorHeaders, body: body(bodySchema) },
    responses: {
      200: answer(schema.OperatedSchema, 'Done; the saga as it is now'),
      202: answer(schema.OperatedSchema, 'Noted; the outcome of the pivot, not known yet, decides'),
      ...refusals,
    },
  });
}

async function operate(c: Context<HttpEnv>, { service, traceUrl }: HttpContext, id: string, event: OperatorEvent) {
  const versions = versionsIn(c.req.header('if-match'));
  const { saga, before, decided }: Operated = await (versions ? service.operate(id, event, versions) : service.operate(id, event));
  c.set('decision', { before, after: { status: statusOf(saga.state), seq: saga.state.seq }, decided });
  const plan = planOf(service, saga);
  c.header('etag', etagOf(saga.version, plan !== undefined));
  const operated: schema.OperatedView = { ...storedView(saga, plan, traceUrl), decided };
  return c.json(operated, decided ? 200 : 202);
}
