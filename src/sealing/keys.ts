import { z } from 'zod';
import { SagaError } from '../core/errors.js';
import { OWN_KEY } from '../core/sealing.js';

/** A key for payloads. `active`: seals and opens; there is one. `accepted`: opens what was sealed with it before. */
export interface PayloadKey {
  readonly id: string;
  readonly state: 'active' | 'accepted';
  /** 32 bytes. */
  readonly bytes: Buffer;
}

const KEY_BYTES = 32;

const keySchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, ., _ and -'),
  key: z.string().regex(/^[A-Za-z0-9+/_-]+={0,2}$/, 'must be base64'),
  state: z.enum(['active', 'accepted']).default('active'),
});
const fileSchema = z.strictObject({ keys: z.array(keySchema).min(1, 'must have at least one key') });

/** Reads the JSON of `BACKSTEP_PAYLOAD_KEYS`. Throws SAGA_CONFIG_INVALID with every fault; keys are never part of a message. */
export function readPayloadKeys(text: string): readonly PayloadKey[] {
  const read = fileSchema.safeParse(parsed(text));
  if (!read.success)
    throw invalid(read.error.issues.map(({ path, message }) => `${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`));
  const keys = read.data.keys.map(({ id, key, state }): PayloadKey => ({ id, state, bytes: Buffer.from(key, 'base64') }));
  const faults = faultsAmong(keys);
  if (faults.length > 0) throw invalid(faults);
  return keys;
}

function faultsAmong(keys: readonly PayloadKey[]): string[] {
  const ids = keys.map(({ id }) => id);
  const active = keys.filter(({ state }) => state === 'active').map(({ id }) => id);
  return [
    ...keys
      .filter(({ bytes }) => bytes.length !== KEY_BYTES)
      .map(({ id, bytes }) => `key ${id} has ${bytes.length} bytes; it must have ${KEY_BYTES}`),
    ...(ids.includes(OWN_KEY) ? [`no key can have the id ${OWN_KEY}: the keys of single sagas are called that`] : []),
    ...[...new Set(ids.filter((id, at) => ids.indexOf(id) !== at))].map((id) => `key ${id} is there twice`),
    ...(active.length === 1
      ? []
      : [
          `${active.length} keys are active${active.length > 1 ? ` (${active.join(', ')})` : ''}; one of them is to seal, the others accepted`,
        ]),
  ];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What the parser says would quote the text, and with it a key.
    throw invalid(['they are not JSON']);
  }
}

function invalid(faults: readonly string[]): SagaError {
  return new SagaError('SAGA_CONFIG_INVALID', 'the payload keys cannot be used:', faults);
}
