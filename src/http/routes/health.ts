import { z } from '@hono/zod-openapi';
import type { HttpApp, HttpContext } from '../context.js';
import { answer } from './answers.js';

const alive = z.object({ status: z.literal('alive') });
const readiness = z.object({ status: z.enum(['ready', 'not-ready']), problems: z.array(z.string()) });

/** `/healthz`: the process answers. `/readyz`: it can serve; 503 with what is missing otherwise. */
export function addHealthRoutes(app: HttpApp, { service, stopping }: HttpContext): void {
  const { openAPIRegistry: registry } = app;
  registry.registerPath({
    method: 'get',
    path: '/healthz',
    summary: 'Whether the process answers',
    responses: { 200: answer(alive, 'It does') },
  });
  registry.registerPath({
    method: 'get',
    path: '/readyz',
    summary: 'Whether it can serve',
    responses: { 200: answer(readiness, 'It can'), 503: answer(readiness, 'It cannot; a sentence for each thing that is missing') },
  });
  app.get('/healthz', (c) => c.json({ status: 'alive' }, 200));
  app.get('/readyz', async (c) => {
    const problems = stopping.aborted ? ['the server is stopping'] : await service.problems();
    if (problems.length === 0) return c.json({ status: 'ready', problems: [] }, 200);
    return c.json({ status: 'not-ready', problems: [...problems] }, 503, { 'retry-after': '1' });
  });
}
