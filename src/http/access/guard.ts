import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Access } from '../../access/access.js';
import { ANYBODY, mayAs, ROLES, type Principal } from '../../access/principal.js';
import type { RateLimiter } from '../../access/rate-limiter.js';
import { SagaError } from '../../core/errors.js';
import type { Admitted, HttpEnv } from '../context.js';
import { TooMany } from '../problem.js';
import { addressOf } from './address.js';
import { refuseForeign } from './same-machine.js';
import { ROUTES, type RouteAccess } from './routes.js';

/**
 * Lets in who may: finds out who is calling and whether the role is enough for the route, before a byte of the body is read. A route that is
 * not declared is refused to everybody. `otherwise`: what there is to say where no route fits.
 */
export function guard(access: Access, otherwise: (c: Context) => SagaError): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    if (!access.isOn) refuseForeign(c);
    const admitted = admittedTo(c);
    const isOpen = admitted ? admitted.access.role === 'open' : !c.req.path.startsWith('/api/');
    const principal = isOpen ? ANYBODY : await caller(c, access);
    if (!admitted) throw otherwise(c);
    const { role } = admitted.access;
    if (role !== 'open' && !mayAs(principal.role, role))
      throw new SagaError('SAGA_FORBIDDEN', `this needs the role ${role}; the token has ${principal.role}`);
    c.set('principal', principal);
    c.set('admitted', admitted);
    await next();
  };
}

async function caller(c: Context, access: Access): Promise<Principal> {
  const { limits } = access;
  const address = limits ? addressOf(c) : '';
  if (limits) assertLeft(limits.address, address);
  let principal: Principal;
  try {
    principal = await access.authenticate(c.req.header('authorization'));
  } catch (error: unknown) {
    // A right token is never refused because of wrong ones from the same address.
    if (limits && error instanceof SagaError && error.code === 'SAGA_UNAUTHENTICATED') assertLeft(limits.refused, address);
    throw error;
  }
  if (limits) assertLeft(limits.token, `${principal.auth} ${principal.tokenId}`);
  return principal;
}

function assertLeft(limiter: RateLimiter, who: string): void {
  const waitMs = limiter.take(who);
  if (waitMs > 0) throw new TooMany('too many requests', Math.ceil(waitMs / 1_000));
}

/** The route that answers, with what it needs; where several fit, the one that needs most. */
function admittedTo(c: Context): Admitted | undefined {
  let most: Admitted | undefined;
  for (const { method, path } of matchedRoutes(c)) {
    if (method === 'ALL') continue;
    const access = ROUTES[`${method} ${path}`];
    if (!access) throw new SagaError('SAGA_FORBIDDEN', 'nobody has declared who may call this');
    if (!most || rankOf(access) > rankOf(most.access)) most = { access, pattern: path };
  }
  return most;
}

function rankOf({ role }: RouteAccess): number {
  return role === 'open' ? -1 : ROLES.indexOf(role);
}
