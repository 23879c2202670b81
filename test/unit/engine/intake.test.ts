import { describe, expect, it } from '@jest/globals';
import { encodeStart } from '../../../src/core/codec-starts.js';
import { namesIn } from '../../../src/core/wire.js';
import { startWork } from '../../../src/engine/intake.js';

const names = namesIn('backstep');
const facts = { appId: 'test', now: 0 };

describe('reading starts', () => {
  it('makes a dead letter of one whose checks fail inside, so that it and its neighbours are settled', () => {
    const start = { name: 'a', version: undefined, key: 'k', startId: 's', input: '1', replyTo: undefined, traceparent: undefined };
    const delivery = { message: encodeStart(start, names, facts).message, redelivered: false, settle: () => {} };
    const works = startWork([delivery], names, () => {
      throw new TypeError('a bug');
    });
    expect(works).toMatchObject([{ kind: 'dead', reason: 'a bug', delivery }]);
  });
});
