import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import type { Json } from '../core/json.js';
import { keyMissing, NotOpened, OWN_KEY, type Sealed, type Vault } from '../core/sealing.js';
import type { PayloadSealing } from '../ports/sealing.js';
import type { PayloadKey } from './keys.js';

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
/** Where a saga's own key belongs. */
const KEY_PLACE = 'key';
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

  readonly vaultFor = (sagaId: string, ownKey?: string | null): Vault => {
    let opened: Ready | undefined;
    const own = (place: string): Ready => {
      if (ownKey === null) throw new NotOpened('shredded', `${place} cannot be read or written any more: the key of its saga was shredded`);
      if (ownKey === undefined) throw keyMissing(OWN_KEY, place);
      return (opened ??= this.openOwnKey(sagaId, ownKey));
    };
    return {
      seal: (value, place) => seal(ownKey === undefined ? this.current : own(place), value, boundTo(sagaId, place)),
      open: (sealed, place) => {
        const { kid } = sealed.$sealed;
        return open(kid === OWN_KEY ? own(place) : this.key(kid, place), sealed, boundTo(sagaId, place), place);
      },
      ...(ownKey === null && { isShredded: true }),
    };
  };

  newOwnKey(sagaId: string): string {
    const { $sealed } = seal(this.current, randomBytes(KEY_BYTES).toString('base64'), boundTo(sagaId, KEY_PLACE));
    return [$sealed.kid, $sealed.iv, $sealed.data].join(':');
  }
  private openOwnKey(sagaId: string, text: string): Ready {
    const [kid = '', iv = '', data = ''] = text.split(':');
    const key = open(this.key(kid, KEY_PLACE), { $sealed: { kid, iv, data } }, boundTo(sagaId, KEY_PLACE), KEY_PLACE);
    const bytes = Buffer.from(typeof key === 'string' ? key : '', 'base64');
    if (bytes.length !== KEY_BYTES) throw forged(KEY_PLACE);
    return readyKey({ id: OWN_KEY, bytes });
  }
  private key(kid: string, place: string): Ready {
    const key = this.byId.get(kid);
    if (!key) throw keyMissing(kid, place);
    return key;
  }

  digests(text: string): readonly string[] {
    return [...this.byId.values()].map(({ digests }) => createHmac('sha256', digests).update(text).digest('hex'));
  }
}

function readyKey({ id, bytes }: Pick<PayloadKey, 'id' | 'bytes'>): Ready {
  const derived = (purpose: string) => createHmac('sha256', bytes).update(`${FORMAT} ${purpose}`).digest();
  return { id, seals: createSecretKey(bytes), nonces: derived('nonce'), digests: derived('digest') };
}

/** What GCM authenticates beside the value: a copy elsewhere is not opened. */
function boundTo(sagaId: string, place: string): Buffer {
  return Buffer.from(JSON.stringify([FORMAT, sagaId, place]));
}

function seal({ id, seals, nonces }: Ready, value: Json, bound: Buffer): Sealed & Json {
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
