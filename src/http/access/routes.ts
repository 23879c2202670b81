import type { Role } from '../../access/principal.js';
import { DASHBOARD_FILES, DASHBOARD_PAGES } from '../dashboard-files.js';

/**
 * How the rule about a token's definitions is applied. `free`: it is about no saga. `filtered`: the answer leaves out what the token does not
 * reach. `saga`, `definition`: the path names it. `query`: the query must name a definition with `name`, or one `saga`. `body`: the body's
 * `name`. `filter`: the `name` of the body's `filter`. `lines`: each line's, checked with the line. `all`: not with a token for some definitions.
 */
export type Scope = 'free' | 'filtered' | 'saga' | 'definition' | 'query' | 'body' | 'filter' | 'lines' | 'all';
export interface RouteAccess {
  /** `open`: nobody is asked. */
  readonly role: Role | 'open';
  readonly scope: Scope;
  /** What a call is in the audit; absent: it is not in it. */
  readonly audited?: string;
}

const open: RouteAccess = { role: 'open', scope: 'free' };
const read = (scope: Scope): RouteAccess => ({ role: 'read', scope });
const operate = (scope: Scope, audited?: string): RouteAccess => ({
  role: 'operate',
  scope,
  ...(audited === undefined ? {} : { audited }),
});

/** What each route needs. One that is not here is refused to everybody. */
export const ROUTES: Readonly<Record<string, RouteAccess>> = {
  'GET /healthz': open,
  'GET /readyz': open,
  'GET /openapi.json': open,
  // Files: what they show they ask for with a token.
  ...Object.fromEntries([...DASHBOARD_PAGES, ...DASHBOARD_FILES].map((path) => [`GET ${path}`, open])),
  'GET /metrics': read('all'),
  'GET /api/v1/me': read('free'),
  'GET /api/v1/sagas': read('query'),
  'GET /api/v1/sagas/:id': read('saga'),
  'GET /api/v1/sagas/:id/history': read('saga'),
  'GET /api/v1/sagas/:id/cancel-plan': read('saga'),
  'GET /api/v1/definitions': read('filtered'),
  'GET /api/v1/definitions/:name': read('definition'),
  'GET /api/v1/overview': read('filtered'),
  'GET /api/v1/figures': read('filtered'),
  'GET /api/v1/activity': read('all'),
  'GET /api/v1/participants': read('all'),
  'GET /api/v1/failures': read('query'),
  'GET /api/v1/events': read('query'),
  'GET /api/v1/dead-letters': read('all'),
  'GET /api/v1/dead-letters/:id': read('all'),
  // Starts are not audited: the history of each saga says who started it.
  'POST /api/v1/sagas': operate('body'),
  'POST /api/v1/sagas/many': operate('lines'),
  'POST /api/v1/sagas/:id/cancel': operate('saga', 'cancel'),
  'POST /api/v1/sagas/:id/suspend': operate('saga', 'suspend'),
  'POST /api/v1/sagas/:id/resume': operate('saga', 'resume'),
  'POST /api/v1/sagas/:id/retry': operate('saga', 'retry'),
  'POST /api/v1/sagas/:id/settle': operate('saga', 'settle'),
  'POST /api/v1/bulk': operate('filter', 'bulk'),
  'POST /api/v1/dead-letters/:id/replay': operate('all', 'replay-dead-letter'),
  'POST /api/v1/dead-letters/:id/discard': operate('all', 'discard-dead-letter'),
  'POST /api/v1/shred': { role: 'admin', scope: 'all', audited: 'shred' },
  'GET /api/v1/audit': { role: 'admin', scope: 'all' },
};
