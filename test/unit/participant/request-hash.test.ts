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
  it('never changes: inboxes keep what it once gave', () => {
    const known: readonly (readonly [string, Json])[] = [
      ['e3c65e647e254045', null],
      ['e4f6f5cd6fbf4c9e', true],
      ['87ee69e8c048460c', 0],
      ['87ee69e8c048460c', -0],
      ['624e9f3b114d991d', 7],
      ['60617dfebbff5f28', 4_999],
      ['14447ba11c94c702', 2_147_483_647],
      ['381127c3d6747a02', 2_147_483_648],
      ['f4247d8ca4abe0fd', -1],
      ['c8998f7d8f8b70bf', 1.5],
      ['da792f460f4e84dc', 1e21],
      ['75eef02b105f3fbe', ''],
      ['4abacc058870fcac', 'x'],
      ['1a627fbffa217956', 'Straße 😀'],
      ['2443ba2329d0e688', 'x'.repeat(1_000)],
      ['28310a0db8dc584a', []],
      ['d2b918bf5bd17bb7', ['a', 'b']],
      ['8e340376bacb9711', Array.from({ length: 120 }, (_, at) => at)],
      ['3e338aa0086487cf', {}],
      ['6166e900f3e74fda', { b: 1, a: 2 }],
      [
        'abfe7434e1dca63d',
        {
          orderId: 'ord-1',
          total: 12_999,
          lines: [{ sku: 'SKU-1', qty: 2, price: 4_999 }],
          shipTo: { zip: '12345', city: null },
          gift: false,
        },
      ],
      ['72928174be230dfe', Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`k${30 - at}`, at]))],
    ];
    for (const [hash, value] of known) expect(requestHash(value)).toBe(hash);
  });
  it('gives 16 hexadecimal digits', () => expect(requestHash('x')).toMatch(/^[0-9a-f]{16}$/));
});
