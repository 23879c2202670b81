import { createHmac, sign, timingSafeEqual, verify } from 'node:crypto';
import { SagaError } from '../core/errors.js';
import { ownerText, type Owner, type SigningKey, type SigningKeys } from './keys.js';

/** Keys by what is asked of them. */
export class Keyring {
  private readonly byId = new Map<string, SigningKey>();
  private readonly active = new Map<string, SigningKey>();

  constructor({ keys }: Pick<SigningKeys, 'keys'>) {
    for (const key of keys) {
      this.byId.set(key.id, key);
      if (key.state === 'active') this.active.set(ownerText(key.owner), key);
    }
  }

  find(id: string): SigningKey | undefined {
    return this.byId.get(id);
  }
  /** The key that messages of this owner are signed with. */
  activeOf(owner: Owner): SigningKey | undefined {
    return this.active.get(ownerText(owner));
  }
  /** Whether there is a key with which a message of this owner would be accepted. */
  knows(owner: Owner): boolean {
    const text = ownerText(owner);
    return [...this.byId.values()].some((key) => key.state !== 'revoked' && ownerText(key.owner) === text);
  }
}

/** A signature as it stands in the header: base64url without padding. */
export function signatureOf({ id, algorithm, signs }: SigningKey, text: string): string {
  if (!signs) throw new SagaError('SAGA_INTERNAL', `key ${id} cannot sign`);
  return algorithm === 'hmac-sha256'
    ? createHmac('sha256', signs).update(text).digest('base64url')
    : sign(null, Buffer.from(text), signs).toString('base64url');
}

/** Whether this is the signature of the text. There is one way to write a signature: another one for the same bytes is none. */
export function isSignature({ algorithm, checks }: SigningKey, text: string, signature: string): boolean {
  if (!checks) return false;
  if (algorithm === 'hmac-sha256') {
    const right = Buffer.from(createHmac('sha256', checks).update(text).digest('base64url'));
    const given = Buffer.from(signature);
    return right.length === given.length && timingSafeEqual(right, given);
  }
  const bytes = Buffer.from(signature, 'base64url');
  return bytes.toString('base64url') === signature && verify(null, Buffer.from(text), checks, bytes);
}
