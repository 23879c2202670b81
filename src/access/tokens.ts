import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { WIRE_NAME } from '../core/plan.js';
import { listOf, readEntries, strayFields, type Entry } from './fields.js';
import { ROLES, type Principal, type Role } from './principal.js';

/** A token as it is configured: whose it is and what it may, and its hash. The token itself is kept by nobody but its owner. */
export interface TokenEntry {
  readonly name: string;
  readonly role: Role;
  /** Of the token's text. */
  readonly sha256: Buffer;
  /** The only definitions it reaches. */
  readonly definitions?: readonly string[];
  /** Milliseconds since 1970; from then on it is refused. */
  readonly expiresAt?: number;
}

/** How tokens of this package begin, so that scanners for leaked secrets find them. */
export const TOKEN_PREFIX = 'bks_';
const TOKEN_BYTES = 32;
const FIELDS = ['name', 'role', 'sha256', 'definitions', 'expires'] as const;
const NAME = /^[\w.@+-]{1,100}$/;
const INSTANT = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?Z)?$/;

/** Reads `BACKSTEP_TOKENS` or a file of the same form. */
export function readTokens(text: string): { readonly entries: readonly TokenEntry[]; readonly faults: readonly string[] } {
  const entries: TokenEntry[] = [];
  const faults: string[] = [];
  for (const written of readEntries(text)) {
    const { entry, wrong } = readToken(written);
    faults.push(...wrong.map((fault) => `entry ${written.number}: ${fault}`));
    if (!entry) continue;
    if (entries.some(({ name }) => name === entry.name)) faults.push(`entry ${written.number}: there is another one named ${entry.name}`);
    if (entries.some(({ sha256 }) => sha256.equals(entry.sha256)))
      faults.push(`entry ${written.number}: another one has the same token; each has its own`);
    entries.push(entry);
  }
  return { entries, faults };
}

function readToken(written: Entry): { readonly entry?: TokenEntry; readonly wrong: readonly string[] } {
  const { fields } = written;
  const wrong = [...written.faults, ...strayFields(written, FIELDS)];
  const name = fields.get('name');
  if (name === undefined || !NAME.test(name)) wrong.push('name must be letters, digits and . @ + _ -, at most 100');
  const role = ROLES.find((one) => one === fields.get('role'));
  if (!role) wrong.push(`role must be one of ${ROLES.join(', ')}`);
  const sha256 = fields.get('sha256') ?? '';
  if (!/^[0-9a-f]{64}$/i.test(sha256)) wrong.push('sha256 must be the hash that `backstep token new` printed: 64 hex digits');
  const definitions = fields.has('definitions') ? listOf(fields.get('definitions')!) : undefined;
  if (definitions && (definitions.length === 0 || !definitions.every((one) => WIRE_NAME.test(one))))
    wrong.push('definitions must be names of sagas with commas between them');
  const expires = fields.get('expires');
  const expiresAt = expires === undefined ? undefined : INSTANT.test(expires) ? Date.parse(expires) : Number.NaN;
  if (Number.isNaN(expiresAt)) wrong.push('expires must be a day or an instant in UTC, such as 2027-01-31 or 2027-01-31T12:00:00Z');
  if (wrong.length > 0) return { wrong };
  return {
    entry: {
      name: name!,
      role: role!,
      sha256: Buffer.from(sha256, 'hex'),
      ...(definitions ? { definitions } : {}),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
    wrong,
  };
}

/** An entry as it is configured. */
export function writeToken({ name, role, sha256, definitions, expiresAt }: TokenEntry): string {
  return [
    `name=${name}`,
    `role=${role}`,
    ...(definitions ? [`definitions=${definitions.join(',')}`] : []),
    ...(expiresAt === undefined ? [] : [`expires=${new Date(expiresAt).toISOString()}`]),
    `sha256=${sha256.toString('hex')}`,
  ].join(' ');
}

/** A new token, 256 bits of chance, and what is configured of it. */
export function newToken(facts: Omit<TokenEntry, 'sha256'>): { readonly token: string; readonly entry: TokenEntry } {
  const token = `${TOKEN_PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  return { token, entry: { ...facts, sha256: hashOf(token) } };
}

/** What a token is found by in the audit. */
export function idOf({ sha256 }: TokenEntry): string {
  return sha256.toString('hex').slice(0, 12);
}

/**
 * The entry that a token belongs to. Takes the same time whichever it is and however much of it is right: hashes are compared, each with
 * every entry's.
 */
export function findToken(entries: readonly TokenEntry[], token: string): TokenEntry | undefined {
  const hash = hashOf(token);
  let found: TokenEntry | undefined;
  for (const entry of entries) if (timingSafeEqual(entry.sha256, hash)) found = entry;
  return found;
}

export function principalOf(entry: TokenEntry): Principal {
  const { name, role, definitions } = entry;
  return { auth: 'token', name, role, tokenId: idOf(entry), ...(definitions ? { definitions } : {}) };
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
