import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { readSigningKeys } from '../../src/signing/keys.js';
import { MessageSigning } from '../../src/signing/message-signing.js';

/** A key as the configuration has it. */
export interface KeyText {
  readonly id: string;
  readonly participant?: string;
  readonly client?: string;
  readonly orchestrator?: true;
  readonly algorithm?: 'hmac-sha256' | 'ed25519';
  readonly state?: 'active' | 'accepted' | 'revoked';
  readonly secret?: string;
  readonly publicKey?: string;
  readonly privateKey?: string;
}
export interface KeysText {
  readonly keys: readonly KeyText[];
  readonly unsignedAllowed?: { readonly participants?: readonly string[]; readonly starts?: boolean };
}

/** 32 bytes that follow from a name. */
const bytesFor = (name: string): Buffer => createHash('sha256').update(name).digest();
export const secretFor = (name: string): string => bytesFor(name).toString('base64');

/** A pair of Ed25519 keys that follows from a name. */
export function pairFor(name: string): { readonly publicKey: string; readonly privateKey: string } {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), bytesFor(name)]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  const publicKey = key.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
  return { publicKey, privateKey: bytesFor(name).toString('base64') };
}

/** An HMAC key of a participant; its secret follows from its id. */
export function hmacKey(participant: string, id = `${participant}-1`, more: Partial<KeyText> = {}): KeyText {
  return { id, participant, secret: secretFor(id), ...more };
}
export function clientKey(client: string, id = `${client}-1`): KeyText {
  return { id, client, secret: secretFor(id) };
}
/** An Ed25519 key: of a participant, or of the orchestrator. `both`: with its private half. */
export function pairKey(owner: { readonly participant: string } | { readonly orchestrator: true }, id: string, both: boolean): KeyText {
  const { publicKey, privateKey } = pairFor(id);
  return { id, ...owner, algorithm: 'ed25519', publicKey, ...(both && { privateKey }) };
}

export function signingOf(keys: KeysText, namespace = 'backstep'): MessageSigning {
  return new MessageSigning(readSigningKeys(JSON.stringify(keys)), namespace);
}
/** With these keys, and nobody who may go without. */
export function signingWith(...keys: readonly KeyText[]): MessageSigning {
  return signingOf({ keys });
}
