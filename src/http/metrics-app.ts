import { Hono } from 'hono';
import type { Scraped } from './context.js';
import { addMetricsRoute } from './routes/metrics.js';

/** `/metrics` and nothing else, for a port of its own. */
export function createMetricsApp(scrape: () => Promise<Scraped>): Hono {
  const app = new Hono();
  addMetricsRoute(app, scrape);
  return app;
}
