import { readSigningKeys } from '../signing/keys.js';
import { MessageSigning } from '../signing/message-signing.js';
import { keysText } from './keys-text.js';

/**
 * What signs and judges messages in this process, from what `BACKSTEP_SIGNING_KEYS` says: JSON, or the path of a file with it. Nothing said:
 * messages are not signed. Throws SAGA_CONFIG_INVALID with every fault.
 */
export function openSigning(keys: string | undefined, namespace: string): MessageSigning | undefined {
  const text = keysText(keys, 'BACKSTEP_SIGNING_KEYS');
  return text === undefined ? undefined : new MessageSigning(readSigningKeys(text), namespace);
}
