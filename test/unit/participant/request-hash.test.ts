import { describe, expect, it } from '@jest/globals';
import type { Json } from '../../../src/core/json.js';
import { requestHash } from '../../../src/participant/request-hash.js';

describe('requestHash', () => {
  it('does not depend on the order of fields', () => {
    expect(requestHash({ a: 1, b: { c: [1, 2], d: null } })).toBe(requestHash({ b: { d: null, c: [1, 2] }, a: 1 }));
  });
  it('tells values apart that look alike', () => {
    const values: Json[] = [
      null,
      0,
      '',
      '0',
      false,
      [],
      {},
      [[]],
      [null],
      { a: null },
      { '': null },
      ['a', 'b'],
      ['ab'],
      ['b', 'a'],
      'null',
      1.5,
      '1.5',
      { a: 1, b: 2 },
      { a: 2, b: 1 },
      { ab: 1 },
      { a: { b: 1 } },
    ];
    expect(new Set(values.map(requestHash)).size).toBe(values.length);
  });
  it('gives 16 hexadecimal digits', () => expect(requestHash('x')).toMatch(/^[0-9a-f]{16}$/));
});
