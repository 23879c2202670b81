import { z, type RouteConfig } from '@hono/zod-openapi';
import type { HttpApp, Scraped } from '../context.js';

/** `/metrics` in the description of the API. */
export const metricsRoute: RouteConfig = {
  method: 'get',
  path: '/metrics',
  summary: 'The numbers of this process, for Prometheus',
  responses: { 200: { description: 'Prometheus text', content: { 'text/plain': { schema: z.string() } } } },
};

/** `/metrics`: the numbers of this process, for Prometheus. */
export function addMetricsRoute(app: Pick<HttpApp, 'get'>, scrape: () => Promise<Scraped>): void {
  app.get('/metrics', async (c) => {
    const { contentType, text } = await scrape();
    return c.body(text, 200, { 'content-type': contentType });
  });
}
