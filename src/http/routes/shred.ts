import { createRoute, z } from '@hono/zod-openapi';
import type { HttpApp, HttpContext } from '../context.js';
import { ShredBody, ShreddedSchema } from '../schemas-shred.js';
import { answer, body, refusals } from './answers.js';

const shred = createRoute({
  method: 'post',
  path: '/api/v1/shred',
  summary: 'Make what is sealed of a subject unreadable for good; the sagas and their histories stay',
  request: { body: body(ShredBody) },
  responses: { 200: answer(ShreddedSchema, 'How many sagas had something of it'), ...refusals },
});

/** The end of a person's data. */
export function addShredRoute(app: HttpApp, { store, logger }: HttpContext): void {
  app.openapi(shred, async (c) => {
    const { subject } = c.req.valid('json');
    const sagas = await store.shred(subject);
    logger.info({ sagas }, 'the keys of a subject were shredded');
    return c.json({ sagas } satisfies z.infer<typeof ShreddedSchema>, 200);
  });
}
