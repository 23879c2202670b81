import { readFileSync } from 'node:fs';
import { messageOf, SagaError } from '../core/errors.js';
import { readSigningKeys } from '../signing/keys.js';
import { MessageSigning } from '../signing/message-signing.js';

/**
 * What signs and judges messages in this process, from what `BACKSTEP_SIGNING_KEYS` says: JSON, or the path of a file with it. Nothing said:
 * messages are not signed. Throws SAGA_CONFIG_INVALID with every fault.
 */
export function openSigning(keys: string | undefined, namespace: string): MessageSigning | undefined {
  if (keys === undefined || keys.trim() === '') return undefined;
  const text = keys.trim();
  return new MessageSigning(readSigningKeys(text.startsWith('{') ? text : contentOf(text)), namespace);
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error: unknown) {
    throw new SagaError('SAGA_CONFIG_INVALID', `BACKSTEP_SIGNING_KEYS names a file that cannot be read: ${messageOf(error)}`);
  }
}
