import { createRoute } from '@hono/zod-openapi';
import type { HttpApp } from '../context.js';
import { MeSchema } from '../schemas-audit.js';
import { answer, refusals } from './answers.js';

const me = createRoute({
  method: 'get',
  path: '/api/v1/me',
  summary: 'Who is calling, and what they may',
  responses: { 200: answer(MeSchema, 'The caller'), ...refusals },
});

/** Who is calling. */
export function addMeRoute(app: HttpApp): void {
  app.openapi(me, (c) => {
    const { auth, name, role, definitions } = c.get('principal');
    return c.json({ auth, name, role, ...(definitions ? { definitions: [...definitions] } : {}) }, 200);
  });
}
