import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Json } from '../core/json.js';
import { keyMissing, NotOpened, type Sealed, type Vault } from '../core/sealing.js';
import type { PayloadSealing } from '../ports/sealing.js';
import type { PayloadKey } from './keys.js';

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Goes into everything that is computed, so that another format can never be taken for this one. */
const FORMAT = 'backstep-sealed-1';

interface Ready {
  readonly id: string;
  readonly seals: KeyObject;
  /** Makes nonces; derived, so that no key serves two purposes. */
  readonly nonces: Buffer;
  readonly digests: Buffer;
}

/**
 * AES-256-GCM. The nonce of a value is the beginning of an HMAC over all that is sealed with it (its place and itself), so that the same value
 * at the same place of a saga gives the same bytes, which resends and decisions rely on, and two different ones practically never share one.
 * Owns: the keys.
 */
export class AesSealing implements PayloadSealing {
  private readonly byId: ReadonlyMap<string, Ready>;
  private readonly current: Ready;

  constructor(keys: readonly PayloadKey[]) {
    const ready = keys.toSorted((a, b) => Number(b.state === 'active') - Number(a.state === 'active')).map(readyKey);
    this.current = ready[0]!;
    this.byId = new Map(ready.map((key) => [key.id, key]));
  }

  readonly vaultFor = (sagaId: string): Vault => ({
    seal: (value, place) => seal(this.current, value, boundTo(sagaId, place)),
    open: (sealed, place) => {
      const { kid } = sealed.$sealed;
      const key = this.byId.get(kid);
      if (!key) throw keyMissing(kid, place);
      return open(key, sealed, boundTo(sagaId, place), place);
    },
  });

  digests(text: string): readonly string[] {
    return [...this.byId.values()].map(({ digests }) => createHmac('sha256', digests).update(text).digest('hex'));
  }
}

function readyKey({ id, bytes }: PayloadKey): Ready {
  const derived = (purpose: string) => createHmac('sha256', bytes).update(`${FORMAT} ${purpose}`).digest();
  return { id, seals: createSecretKey(bytes), nonces: derived('nonce'), digests: derived('digest') };
}

/** What GCM authenticates beside the value: a copy elsewhere is not opened. */
function boundTo(sagaId: string, place: string): Buffer {
  return Buffer.from(JSON.stringify([FORMAT, sagaId, place]));
}

function seal({ id, seals, nonces }: Ready, value: Json, bound: Buffer): Json {
  const text = Buffer.from(JSON.stringify(value));
  const iv = createHmac('sha256', nonces).update(bound).update('\n').update(text).digest().subarray(0, IV_BYTES);
  const cipher = createCipheriv(CIPHER, seals, iv).setAAD(bound);
  const data = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  return { $sealed: { kid: id, iv: iv.toString('base64'), data: data.toString('base64') } };
}

function open({ seals }: Ready, { $sealed }: Sealed, bound: Buffer, place: string): Json {
  const iv = Buffer.from($sealed.iv, 'base64');
  const data = Buffer.from($sealed.data, 'base64');
  if (iv.length !== IV_BYTES || data.length <= TAG_BYTES) throw forged(place);
  try {
    const decipher = createDecipheriv(CIPHER, seals, iv, { authTagLength: TAG_BYTES }).setAAD(bound).setAuthTag(data.subarray(-TAG_BYTES));
    const text = Buffer.concat([decipher.update(data.subarray(0, -TAG_BYTES)), decipher.final()]);
    return JSON.parse(text.toString('utf8')) as Json;
  } catch {
    throw forged(place);
  }
}

function forged(place: string): NotOpened {
  return new NotOpened('forged', `${place} cannot be opened: it was altered, or sealed for another saga or place`);
}
