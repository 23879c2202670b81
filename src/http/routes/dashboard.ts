import type { Context } from 'hono';
import type { HttpApp } from '../context.js';
import type { DashboardFile, DashboardFiles } from '../dashboard-files.js';

/** Addresses at which the dashboard begins; it finds out itself which page was meant. */
const PAGE = /^\/(?:sagas|definitions|dead-letters)(?:\/[^/]+)?$|^\/participants$/;

const FOR_EVER = 'public, max-age=31536000, immutable';
const ASK_EVERY_TIME = 'no-cache';
/** Nothing from elsewhere, nothing inline, no markup out of text, in nobody's frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/**
 * The dashboard: static files that were built with the package, the same for everybody; what they show, they ask the API for. To be added
 * last: what is no file and no page of it is left to whoever says that there is nothing.
 */
export function addDashboardRoutes(app: HttpApp, { page, files }: DashboardFiles): void {
  app.get('/', (c) => send(c, page, ASK_EVERY_TIME));
  app.get('/assets/*', async (c, next) => {
    const file = files.get(c.req.path);
    return file ? send(c, file, FOR_EVER) : next();
  });
  app.get('/*', async (c, next) => {
    const file = files.get(c.req.path) ?? (PAGE.test(c.req.path) ? page : undefined);
    return file ? send(c, file, ASK_EVERY_TIME) : next();
  });
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
