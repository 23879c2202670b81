import { createMetricsApp } from '../http/metrics-app.js';
import { openServer, type ListenOptions } from '../http/server.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Running } from './lifetime.js';

/** A scrape under way is short. */
const GRACE_MS = 500;

/** Serves `/metrics` on a port of its own; throws SAGA_CONFIG_INVALID where that cannot be had. */
export async function serveMetrics(metrics: Metrics, options: ListenOptions): Promise<Running & { readonly url: string }> {
  const app = createMetricsApp(() => metrics.scrape());
  const server = await openServer((request) => app.fetch(request), options);
  return { url: `${server.url}/metrics`, stop: () => server.stop(GRACE_MS) };
}
