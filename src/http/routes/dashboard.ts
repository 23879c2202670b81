import type { Context } from 'hono';
import type { HttpApp } from '../context.js';
import type { DashboardFile, DashboardFiles } from '../dashboard-files.js';

/** Addresses at which the dashboard begins; it finds out itself which page was meant. */
export const DASHBOARD_PAGES = [
  '/',
  '/sagas',
  '/sagas/:id',
  '/definitions',
  '/definitions/:name',
  '/dead-letters',
  '/dead-letters/:id',
  '/participants',
] as const;

const FOR_EVER = 'public, max-age=31536000, immutable';
const ASK_EVERY_TIME = 'no-cache';
/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** The dashboard: static files that were built with the package, the same for everybody. What they show, they ask the API for. */
export function addDashboardRoutes(app: HttpApp, { page, files }: DashboardFiles): void {
  for (const path of DASHBOARD_PAGES) app.get(path, (c) => send(c, page, ASK_EVERY_TIME));
  for (const [path, file] of files) app.get(path, (c) => send(c, file, path.startsWith('/assets/') ? FOR_EVER : ASK_EVERY_TIME));
}

function send(c: Context, { type, etag, body, gzipped }: DashboardFile, cacheControl: string): Response {
  const headers = {
    'cache-control': cacheControl,
    etag,
    vary: 'accept-encoding',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  const known = c.req.header('if-none-match') ?? '';
  if (known.includes(etag)) return c.body(null, 304, headers);
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(c.req.header('accept-encoding') ?? '');
  if (takesGzip && gzipped) return c.body(gzipped, 200, { ...headers, 'content-type': type, 'content-encoding': 'gzip' });
  return c.body(body, 200, { ...headers, 'content-type': type });
}
