import type { HttpApp, Scraped } from '../context.js';

/** `/metrics`: the numbers of this process, for Prometheus. */
export function addMetricsRoute(app: Pick<HttpApp, 'get'>, scrape: () => Promise<Scraped>): void {
  app.get('/metrics', async (c) => {
    const { contentType, text } = await scrape();
    return c.body(text, 200, { 'content-type': contentType });
  });
}
