import { AesSealing } from '../sealing/aes-sealing.js';
import { readPayloadKeys } from '../sealing/keys.js';
import { keysText } from './keys-text.js';

/**
 * What seals and opens payloads in this process, from what `BACKSTEP_PAYLOAD_KEYS` says: JSON, or the path of a file with it. Nothing said:
 * payloads are not sealed. Throws SAGA_CONFIG_INVALID with every fault.
 */
export function openSealing(keys: string | undefined): AesSealing | undefined {
  const text = keysText(keys, 'BACKSTEP_PAYLOAD_KEYS');
  return text === undefined ? undefined : new AesSealing(readPayloadKeys(text));
}
