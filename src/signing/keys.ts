import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { SagaError } from '../core/errors.js';

export const ALGORITHMS = ['hmac-sha256', 'ed25519'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];
/** `active`: signs and is accepted. `accepted`: is accepted. `revoked`: neither. */
export type KeyState = 'active' | 'accepted' | 'revoked';

/** Who a key belongs to. An HMAC key is the secret of one participant or client and the orchestrator, and serves in both directions. */
export type Owner =
  | { readonly kind: 'orchestrator' }
  | { readonly kind: 'participant'; readonly name: string }
  | { readonly kind: 'client'; readonly name: string };

/** A key as it is used. Its algorithm is a property of the key: no message can choose another one. */
export interface SigningKey {
  readonly id: string;
  readonly owner: Owner;
  readonly algorithm: Algorithm;
  readonly state: KeyState;
  /** Makes signatures; `undefined` for the public half of a pair, and for a revoked key. */
  readonly signs: KeyObject | undefined;
  /** Checks signatures; `undefined` for a revoked key. */
  readonly checks: KeyObject | undefined;
}

/** Keys, and who may still go without. */
export interface SigningKeys {
  readonly keys: readonly SigningKey[];
  /** Participants whose messages need not be signed while they are brought over. */
  readonly unsignedParticipants: ReadonlySet<string>;
  /** Starts over the wire need not be signed. */
  readonly unsignedStarts: boolean;
}

/** Bytes of a secret, at least: as many as the hash has. */
const SECRET_BYTES = 32;
const RAW_KEY_BYTES = 32;

const name = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,99}$/, 'must be letters, digits, - and _');
const base64 = z.string().regex(/^[A-Za-z0-9+/_-]+={0,2}$/, 'must be base64');
const keySchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, ., _ and -'),
  participant: name.optional(),
  client: name.optional(),
  orchestrator: z.literal(true).optional(),
  algorithm: z.enum(ALGORITHMS).default('hmac-sha256'),
  state: z.enum(['active', 'accepted', 'revoked']).default('active'),
  secret: base64.optional(),
  publicKey: base64.optional(),
  privateKey: base64.optional(),
});
const fileSchema = z.strictObject({
  keys: z.array(keySchema).min(1, 'must have at least one key'),
  unsignedAllowed: z.strictObject({ participants: z.array(name).default([]), starts: z.boolean().default(false) }).optional(),
});
type KeyText = z.infer<typeof keySchema>;

/** Reads the JSON of `BACKSTEP_SIGNING_KEYS`. Throws SAGA_CONFIG_INVALID with every fault; secrets are never part of a message. */
export function readSigningKeys(text: string): SigningKeys {
  const read = fileSchema.safeParse(parsed(text));
  if (!read.success)
    throw invalid(read.error.issues.map(({ path, message }) => `${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`));
  const { keys: texts, unsignedAllowed } = read.data;
  const faults: string[] = [];
  const keys = texts.flatMap((each) => keyOf(each, faults) ?? []);
  faults.push(...faultsAmong(keys, texts));
  if (faults.length > 0) throw invalid(faults);
  return { keys, unsignedParticipants: new Set(unsignedAllowed?.participants), unsignedStarts: unsignedAllowed?.starts ?? false };
}

/** `participant mail`, `client shop`, `orchestrator`; also what a signature names as the sender. */
export function ownerText(owner: Owner): string {
  return owner.kind === 'orchestrator' ? owner.kind : `${owner.kind} ${owner.name}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What the parser says would quote the text, and with it a secret.
    throw invalid(['they are not JSON']);
  }
}

function keyOf(text: KeyText, faults: string[]): SigningKey | undefined {
  const { id, algorithm, state } = text;
  const own = faultsOf(text);
  if (own.length > 0) {
    faults.push(...own.map((fault) => `key ${id} ${fault}`));
    return undefined;
  }
  const material = state === 'revoked' ? { signs: undefined, checks: undefined } : materialOf(text);
  if (material) return { id, owner: ownerOf(text)!, algorithm, state, ...material };
  faults.push(`key ${id} has a publicKey that does not belong to its privateKey, or is none`);
  return undefined;
}

function ownerOf({ participant, client, orchestrator }: KeyText): Owner | undefined {
  const owners: Owner[] = [];
  if (participant !== undefined) owners.push({ kind: 'participant', name: participant });
  if (client !== undefined) owners.push({ kind: 'client', name: client });
  if (orchestrator) owners.push({ kind: 'orchestrator' });
  return owners.length === 1 ? owners[0] : undefined;
}

function faultsOf(text: KeyText): string[] {
  const { algorithm, orchestrator, secret, publicKey, privateKey, state } = text;
  const faults: string[] = [];
  if (!ownerOf(text)) faults.push('must say one of participant, client and orchestrator');
  if (algorithm === 'hmac-sha256') {
    if (publicKey !== undefined || privateKey !== undefined) faults.push('is an HMAC key: it has a secret, and no publicKey or privateKey');
    if (orchestrator) faults.push('is an HMAC key of the orchestrator: whoever could check it could sign with it. Use ed25519');
    if (state !== 'revoked' && secret === undefined) faults.push('has no secret');
    if (secret !== undefined && bytesOf(secret).length < SECRET_BYTES) faults.push(`has a secret of less than ${SECRET_BYTES} bytes`);
    return faults;
  }
  if (secret !== undefined) faults.push('is an Ed25519 key: it has a publicKey and perhaps a privateKey, and no secret');
  if (state !== 'revoked' && publicKey === undefined && privateKey === undefined) faults.push('has neither publicKey nor privateKey');
  for (const [what, key] of Object.entries({ publicKey, privateKey }))
    if (key !== undefined && bytesOf(key).length !== RAW_KEY_BYTES) faults.push(`has a ${what} that is not ${RAW_KEY_BYTES} bytes long`);
  return faults;
}

function materialOf({ algorithm, secret, publicKey, privateKey }: KeyText): Pick<SigningKey, 'signs' | 'checks'> | undefined {
  if (algorithm === 'hmac-sha256') {
    const key = createSecretKey(bytesOf(secret!));
    return { signs: key, checks: key };
  }
  try {
    const signs = privateKey === undefined ? undefined : privateKeyOf(bytesOf(privateKey));
    const given = publicKey === undefined ? undefined : publicKeyOf(bytesOf(publicKey));
    const derived = signs && createPublicKey(signs);
    if (given && derived && !given.equals(derived)) return undefined;
    return { signs, checks: given ?? derived };
  } catch {
    return undefined;
  }
}

/** What PKCS #8 and SPKI put before the 32 bytes of an Ed25519 key. */
const PKCS8_START = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_START = Buffer.from('302a300506032b6570032100', 'hex');
function privateKeyOf(raw: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_START, raw]), format: 'der', type: 'pkcs8' });
}
function publicKeyOf(raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_START, raw]), format: 'der', type: 'spki' });
}

/** Both alphabets of base64. */
function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

function faultsAmong(keys: readonly SigningKey[], texts: readonly KeyText[]): string[] {
  const ids = texts.map(({ id }) => id);
  const faults = [...new Set(ids.filter((id, at) => ids.indexOf(id) !== at))].map((id) => `key ${id} is there twice`);
  const active = keys.filter(({ state }) => state === 'active');
  for (const owner of new Set(active.map((key) => ownerText(key.owner)))) {
    const own = active.filter((key) => ownerText(key.owner) === owner).map(({ id }) => id);
    if (own.length > 1)
      faults.push(`${owner} has ${own.length} active keys (${own.join(', ')}); one of them is to sign, the others accepted`);
  }
  keys.forEach((key, at) => {
    const other = keys.slice(0, at).find((one) => one.checks && key.checks?.type === one.checks.type && key.checks.equals(one.checks));
    if (other && ownerText(other.owner) !== ownerText(key.owner))
      faults.push(
        `keys ${other.id} and ${key.id} are the same key: then nobody can tell ${ownerText(other.owner)} from ${ownerText(key.owner)}`,
      );
  });
  return faults;
}

function invalid(faults: readonly string[]): SagaError {
  return new SagaError('SAGA_CONFIG_INVALID', 'the signing keys cannot be used:', faults);
}
