import type { HttpApp, HttpContext } from '../context.js';

/** `/healthz`: the process answers. `/readyz`: it can serve; 503 with what is missing otherwise. */
export function addHealthRoutes(app: HttpApp, { service, stopping }: HttpContext): void {
  app.get('/healthz', (c) => c.json({ status: 'alive' }, 200));
  app.get('/readyz', async (c) => {
    const problems = stopping.aborted ? ['the server is stopping'] : await service.problems();
    if (problems.length === 0) return c.json({ status: 'ready', problems: [] }, 200);
    return c.json({ status: 'not-ready', problems: [...problems] }, 503, { 'retry-after': '1' });
  });
}
