import { readFileSync } from 'node:fs';
import { messageOf, SagaError } from '../core/errors.js';

/** What a variable for keys says: JSON as it is, or the content of the file that it names; `undefined`: nothing. Throws SAGA_CONFIG_INVALID. */
export function keysText(value: string | undefined, variable: string): string | undefined {
  const text = value?.trim();
  if (text === undefined || text === '') return undefined;
  if (text.startsWith('{')) return text;
  try {
    return readFileSync(text, 'utf8');
  } catch (error: unknown) {
    throw new SagaError('SAGA_CONFIG_INVALID', `${variable} names a file that cannot be read: ${messageOf(error)}`);
  }
}
