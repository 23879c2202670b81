import { SagaError } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import { OidcTokens, type OidcSettings } from './oidc.js';
import { ANYBODY, type Principal } from './principal.js';
import { RateLimiter } from './rate-limiter.js';
import { findToken, principalOf, TOKEN_PREFIX, type TokenEntry } from './tokens.js';

/** Who may call. */
export interface Access {
  /** False: nobody is asked who they are. Such a server answers this machine only. */
  readonly isOn: boolean;
  /** How often they may; absent: as often as they like. */
  readonly limits?: RateLimits;
  /**
   * Who sent this `Authorization` header. Throws SAGA_UNAUTHENTICATED, SAGA_FORBIDDEN for somebody without any role, SAGA_UNAVAILABLE where
   * that cannot be found out now.
   */
  authenticate(authorization: string | undefined): Promise<Principal>;
}

/** By address, by token, and of refused tokens by address. */
export interface RateLimits {
  readonly address: RateLimiter;
  readonly token: RateLimiter;
  readonly refused: RateLimiter;
}

/** Nobody is asked. */
export const ACCESS_OFF: Access = { isOn: false, authenticate: () => Promise.resolve(ANYBODY) };

export interface AccessSettings {
  readonly tokens: readonly TokenEntry[];
  readonly oidc?: OidcSettings | undefined;
  /** Requests a second for each token and for each address, on average; 0: as many as they like. */
  readonly rateLimit: number;
}

const BEARER = /^bearer +([\w.~+/-]+=*)$/i;
/** JWTs with many claims take a few KiB. */
const LONGEST_TOKEN = 16_384;

/** Asks for one of these tokens, or a JWT of that issuer. With neither it is off. */
export function accessWith({ tokens, oidc, rateLimit }: AccessSettings, clock: Pick<Clock, 'now' | 'monotonic'>): Access {
  if (tokens.length === 0 && !oidc) return ACCESS_OFF;
  const jwts = oidc && new OidcTokens(oidc);
  const authenticate = async (authorization: string | undefined): Promise<Principal> => {
    if (authorization === undefined) throw unauthenticated('this needs a token, sent as Authorization: Bearer …');
    const token = authorization.length > LONGEST_TOKEN ? undefined : BEARER.exec(authorization)?.[1];
    if (token === undefined) throw unauthenticated('the Authorization header is not of the form Bearer …');
    if (jwts && !token.startsWith(TOKEN_PREFIX)) return jwts.verify(token, clock.now());
    const entry = findToken(tokens, token);
    if (!entry) throw unauthenticated('the token is not known here');
    if (entry.expiresAt !== undefined && entry.expiresAt <= clock.now()) throw unauthenticated('the token has expired');
    return principalOf(entry);
  };
  return { isOn: true, authenticate, ...(rateLimit > 0 ? { limits: limitsOf(rateLimit, clock) } : {}) };
}

/** What somebody may send at once: the requests of so many seconds. */
const BURST_S = 2;
/** Refused tokens of one address, a second and at once. A person mistypes; who sends more is guessing. */
const REFUSED = { perSecond: 1, burst: 20 } as const;

function limitsOf(perSecond: number, clock: Pick<Clock, 'monotonic'>): RateLimits {
  const limiter = () => new RateLimiter(perSecond, Math.max(1, perSecond * BURST_S), clock);
  return { address: limiter(), token: limiter(), refused: new RateLimiter(REFUSED.perSecond, REFUSED.burst, clock) };
}

function unauthenticated(message: string): SagaError {
  return new SagaError('SAGA_UNAUTHENTICATED', message);
}
