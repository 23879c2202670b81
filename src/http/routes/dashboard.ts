import type { Context } from 'hono';
import type { HttpApp } from '../context.js';
import { DASHBOARD_FILES, DASHBOARD_PAGES, type DashboardFile, type DashboardFiles } from '../dashboard-files.js';

const FOR_EVER = 'public, max-age=31536000, immutable';
const ASK_EVERY_TIME = 'no-cache';
/** The dashboard: static files that were built with the package, the same for everybody. What they show, they ask the API for. */
export function addDashboardRoutes(app: HttpApp, { page, files }: DashboardFiles): void {
  for (const path of DASHBOARD_PAGES) app.get(path, (c) => send(c, page, ASK_EVERY_TIME));
  for (const pattern of DASHBOARD_FILES) {
    app.get(pattern, async (c, next) => {
      const file = files.get(c.req.path);
      return file ? send(c, file, c.req.path.startsWith('/assets/') ? FOR_EVER : ASK_EVERY_TIME) : next();
    });
  }
}

function send(c: Context, { type, etag, body, gzipped }: DashboardFile, cacheControl: string): Response {
  const headers = {
    'cache-control': cacheControl,
    etag,
    vary: 'accept-encoding',
  };
  const known = c.req.header('if-none-match') ?? '';
  if (known.includes(etag)) return c.body(null, 304, headers);
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(c.req.header('accept-encoding') ?? '');
  if (takesGzip && gzipped) return c.body(gzipped, 200, { ...headers, 'content-type': type, 'content-encoding': 'gzip' });
  return c.body(body, 200, { ...headers, 'content-type': type });
}
