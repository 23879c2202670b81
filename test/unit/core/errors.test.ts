import { describe, expect, it } from '@jest/globals';
import { messageOf } from '../../../src/core/errors.js';

const bad = (parts: object) => Object.assign(new Error('x'), parts);
const throwing = Object.defineProperty(new Error('x'), 'message', {
  get: () => {
    throw new Error('unseen');
  },
});

describe('what a thrown value says', () => {
  it.each([
    ['an error', new Error('the bench is on fire'), 'the bench is on fire'],
    ['a text', 'the bench is on fire', 'the bench is on fire'],
    ['nothing', undefined, 'thrown value: undefined'],
    ['null', null, 'thrown value: null'],
    ['a symbol', Symbol('s'), 'thrown value: Symbol(s)'],
    ['an object without a prototype', Object.create(null), 'a thrown value that cannot be shown'],
    ['an object whose text throws', { toString: () => { throw new Error('unseen'); } }, 'a thrown value that cannot be shown'], // prettier-ignore
    ['an error whose message is no text', bad({ message: { code: 7 } }), 'Error without a message'],
    ['an error whose message is no text at all', bad({ message: Symbol('s') }), 'Error without a message'],
    ['an error whose message throws', throwing, 'a thrown value that cannot be shown'],
  ])('[B19] %s', (_, thrown, text) => expect(messageOf(thrown)).toBe(text));
});
