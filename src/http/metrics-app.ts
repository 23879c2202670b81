import { Hono } from 'hono';
import type { HttpEnv, Scraped } from './context.js';
import { addMetricsRoute } from './routes/metrics.js';

/** `/metrics` and nothing else, for a port of its own. */
export function createMetricsApp(scrape: () => Promise<Scraped>): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  addMetricsRoute(app, scrape);
  return app;
}
