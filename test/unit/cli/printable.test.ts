import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cut, printable } from '../../../src/cli/printable.js';
import { tabbed } from '../../../src/cli/table.js';

describe('text from sagas', () => {
  it('[I4] can neither move the cursor nor turn the line round nor begin another one', () => {
    expect(printable('a\u001b[2J\u009b\u202eb\u2028c\r\n\td')).toBe('a\\u001b[2J\\u009b\\u202eb\\u2028c\\r\\n\\td');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });

  it('keeps letters of every script', () => {
    const text = 'Größe 東京 🍵 مرحبا';
    expect(printable(text)).toBe(text);
  });

  it('[I4] never adds a field or a line to what a program reads', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), (fields) => {
        const line = tabbed(fields);
        expect(line.slice(0, -1).split('\t')).toHaveLength(fields.length);
        expect(line.indexOf('\n')).toBe(line.length - 1);
      }),
    );
  });

  it('says where it was cut', () => {
    expect([cut('abc', 3), cut('abcd', 3)]).toEqual(['abc', 'ab…']);
  });
});
