import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { SagaError } from '../core/errors.js';
import { Discovery } from './discovery.js';
import { fetchSmall, whyNotFrom } from './fetched.js';
import { listOf, readEntries, strayFields } from './fields.js';
import { ROLES, type Principal, type Role } from './principal.js';

/** Whose JWTs are taken, and what in them says who may what. */
export interface OidcSettings {
  readonly issuer: string;
  readonly audience: string;
  /** Where the issuer's public keys are; absent: where its configuration says. */
  readonly jwks?: URL;
  readonly algorithms: readonly string[];
  /** A claim, or a path of claims with dots between them; its value is a text or a list of them. */
  readonly roleClaim: string;
  readonly nameClaim: string;
  /** Where it is named, a token reaches only the definitions that its claim lists. */
  readonly definitionsClaim?: string;
  /** The values of the role claim that stand for each role. */
  readonly roles: ReadonlyMap<Role, readonly string[]>;
}

/** Signatures by a private key only: with a shared secret whoever can check tokens could make them. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const DEFAULT_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const FIELDS = ['issuer', 'audience', 'jwks', 'algorithms', 'role-claim', 'name-claim', 'definitions-claim', ...ROLES];

/** Reads `BACKSTEP_OIDC`. */
export function readOidc(text: string): { readonly settings?: OidcSettings; readonly faults: readonly string[] } {
  const [written, ...more] = readEntries(text);
  if (!written || more.length > 0) return { faults: ['must be one entry: issuer=… audience=… and the values of the role claim'] };
  const { fields } = written;
  const faults = [...written.faults, ...strayFields(written, FIELDS)];
  for (const name of ['issuer', 'audience']) if (!fields.has(name)) faults.push(`${name} is missing`);
  const [issuer, jwks] = [fields.get('issuer'), fields.get('jwks')];
  const why = jwks === undefined ? whyNoConfiguration(issuer) : whyNotFrom('jwks', jwks);
  if (why) faults.push(why);
  const algorithms = listOf(fields.get('algorithms') ?? DEFAULT_ALGORITHMS.join(','));
  const unknown = algorithms.filter((one) => !ALGORITHMS.includes(one));
  if (unknown.length > 0 || algorithms.length === 0) faults.push(`algorithms must be some of ${ALGORITHMS.join(', ')}`);
  const roles = new Map(ROLES.filter((role) => fields.has(role)).map((role) => [role, listOf(fields.get(role)!)] as const));
  if (roles.size === 0) faults.push(`no role has a value: say which values of the role claim stand for ${ROLES.join(', ')}`);
  if (faults.length > 0) return { faults };
  const definitionsClaim = fields.get('definitions-claim');
  return {
    settings: {
      issuer: fields.get('issuer')!,
      audience: fields.get('audience')!,
      ...(jwks === undefined ? {} : { jwks: new URL(jwks) }),
      algorithms,
      roleClaim: fields.get('role-claim') ?? 'roles',
      nameClaim: fields.get('name-claim') ?? 'sub',
      ...(definitionsClaim === undefined ? {} : { definitionsClaim }),
      roles,
    },
    faults,
  };
}

/** Without `jwks` the issuer is asked. */
function whyNoConfiguration(issuer: string | undefined): string | undefined {
  if (issuer === undefined) return undefined;
  const why = whyNotFrom('issuer', issuer) ?? (/[?#]/.test(issuer) ? 'issuer must have no query' : undefined);
  return why && `${why}; or say with jwks where its keys are`;
}

const FETCH_TIMEOUT_MS = 5_000;
/** A key that is not known is asked for, but not at the pace of those who make key ids up. */
const ASK_AGAIN_MS = 30_000;
const KEEP_KEYS_MS = 600_000;
/** By how much the clocks of issuer and server may differ. */
const CLOCK_TOLERANCE_S = 30;

/** Checks JWTs of one issuer. Its keys are fetched when they are needed, never from an address that a token names, and redirects are not followed. */
export class OidcTokens {
  private keys: { readonly from: string; readonly get: JWTVerifyGetKey } | undefined;
  private readonly discovery: Discovery;

  constructor(private readonly settings: OidcSettings) {
    this.discovery = new Discovery(settings.issuer);
  }

  /** Throws SAGA_UNAUTHENTICATED, SAGA_FORBIDDEN where it says nothing of a role, SAGA_UNAVAILABLE where the keys cannot be fetched. */
  async verify(token: string, now: number): Promise<Principal> {
    const { issuer, audience, algorithms } = this.settings;
    const rules = { issuer, audience, algorithms: [...algorithms], clockTolerance: CLOCK_TOLERANCE_S, currentDate: new Date(now) };
    try {
      const { payload } = await jwtVerify(token, await this.keysAt(now), { ...rules, requiredClaims: ['exp', 'sub'] });
      return this.principal(payload);
    } catch (error: unknown) {
      throw error instanceof SagaError ? error : refusalOf(error);
    }
  }

  private async keysAt(now: number): Promise<JWTVerifyGetKey> {
    const url = this.settings.jwks ?? (await this.discovery.keysAt(now));
    if (this.keys?.from === url.href) return this.keys.get;
    const get = createRemoteJWKSet(url, {
      timeoutDuration: FETCH_TIMEOUT_MS,
      cooldownDuration: ASK_AGAIN_MS,
      cacheMaxAge: KEEP_KEYS_MS,
      [customFetch]: fetchSmall,
    });
    this.keys = { from: url.href, get };
    return get;
  }

  private principal(payload: JWTPayload): Principal {
    const { roleClaim, nameClaim, definitionsClaim, roles } = this.settings;
    const held = textsIn(payload, roleClaim);
    const role = ROLES.toReversed().find((one) => roles.get(one)?.some((value) => held.includes(value)));
    if (!role) throw new SagaError('SAGA_FORBIDDEN', 'the token gives no role here');
    const name = textsIn(payload, nameClaim)[0] ?? payload.sub!;
    const tokenId = [payload.sub!, payload.jti].filter((part) => part !== undefined).join('/');
    const scope = definitionsClaim === undefined ? {} : { definitions: textsIn(payload, definitionsClaim) };
    return { auth: 'oidc', name: name.slice(0, NAME_LENGTH), role, tokenId: tokenId.slice(0, NAME_LENGTH), ...scope };
  }
}

const NAME_LENGTH = 100;

/** The claim of this name, else the one that a path with dots leads to. */
function textsIn(payload: JWTPayload, claim: string): readonly string[] {
  let value: unknown = Object.hasOwn(payload, claim) ? payload[claim] : payload;
  if (value === payload) {
    for (const part of claim.split('.'))
      value =
        typeof value === 'object' && value !== null && Object.hasOwn(value, part) ? (value as Record<string, unknown>)[part] : undefined;
  }
  if (typeof value === 'string') return value === '' ? [] : value.split(' ');
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** Refusals of the token itself; anything else is a key that could not be fetched. */
function refusalOf(error: unknown): SagaError {
  const isOfToken =
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWTClaimValidationFailed ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys;
  if (!isOfToken) return new SagaError('SAGA_UNAVAILABLE', 'the keys that tokens are checked with cannot be fetched', [], { cause: error });
  const why = error instanceof errors.JWTExpired ? 'the token has expired' : 'the token is not valid here';
  return new SagaError('SAGA_UNAUTHENTICATED', why, [], { cause: error });
}
