import type { DeadLetter, DeadLetters } from '../../src/ports/dead-letters.js';
import { hash } from './engine.js';

/** The letters in a store, with their bodies, newest first; without what became of them. */
export async function lettersIn({ letters }: { readonly letters: DeadLetters }): Promise<readonly DeadLetter[]> {
  const found: DeadLetter[] = [];
  let cursor: string | undefined;
  do {
    const page = await letters.page({ limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    for (const { id } of page.letters) {
      const { status: _status, replays: _replays, replay: _replay, discard: _discard, ...letter } = (await letters.find(id))!;
      found.push(letter);
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

/** A letter about a message that says little; `body` is a text, whole. */
export function letterOf({ body = 'text', ...over }: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id: 'letter',
    queue: 'backstep.replies',
    reason: 'not JSON',
    at: 1_000,
    messageId: 'm',
    correlationId: 'c',
    type: '',
    contentType: 'application/json',
    replyTo: null,
    appId: null,
    timestamp: null,
    headers: {},
    isAltered: false,
    body,
    encoding: 'text',
    bytes: Buffer.byteLength(body),
    sha256: hash(body),
    ...over,
  };
}
