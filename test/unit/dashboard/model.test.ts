import { describe, expect, it } from '@jest/globals';
import { jsonLines } from '../../../src/dashboard/model/json-lines.js';
import { bulkFilter, listQuery, readSearch, searchWords } from '../../../src/dashboard/model/saga-filter.js';
import { bytes, counted, relative, shortId } from '../../../src/dashboard/model/words.js';

describe('the words of the dashboard', () => {
  it.each([
    [500, 'just now'],
    [42_900, '42s ago'],
    [-300_000, 'in 5m'],
    [7_200_000, '2h ago'],
    [3 * 86_400_000, '3d ago'],
  ])('say how long ago %s ms are', (ms, words) => expect(relative(1e9 - ms, 1e9)).toBe(words));

  it('count and measure', () => {
    expect([counted(1, 'saga'), counted(1_200, 'saga'), counted(2, 'reply', 'replies')]).toEqual(['1 saga', '1,200 sagas', '2 replies']);
    expect([bytes(1), bytes(2_048), bytes(3 * 1_048_576)]).toEqual(['1 byte', '2.0 KiB', '3.0 MiB']);
    expect(shortId('0198f000-0000-7000-8000-00000000abcd')).toBe('0198…00abcd');
  });
});

describe('JSON as lines', () => {
  const text = (value: unknown) =>
    jsonLines(value)
      .map(({ depth, tokens }) => ' '.repeat(depth) + tokens.map((token) => token.text).join(''))
      .join('\n');

  it.each([null, 'a "b"', [], {}, { a: [1, { b: null }], c: {}, d: 'x' }, [[[true]]]])('says the same as the value: %j', (value) => {
    expect(JSON.parse(text(value))).toEqual(value);
    expect(text(value)).toBe(JSON.stringify(value, undefined, 1));
  });

  it('gives strings as they are, however hostile: colours come from what they are', () => {
    const [, line] = jsonLines({ '<b>': '</script>' });
    expect(line!.tokens).toEqual([
      { kind: 'key', text: '"<b>"' },
      { kind: 'mark', text: ': ' },
      { kind: 'string', text: '"</script>"' },
    ]);
  });
});

describe('a search for sagas in the address', () => {
  const read = (query: string) => readSearch(new URLSearchParams(query));

  it('is read, without what is empty or unknown', () => {
    expect(read('status=stuck&status=running&status=odd&name=order&key=&other=1')).toEqual({
      status: ['stuck', 'running'],
      fields: { name: 'order' },
    });
  });

  it('becomes a query of the API: tags apart, local times as instants', () => {
    const local = '2026-01-02T03:04';
    expect(listQuery(read(`tag=a%3D1+b%3D2&startedAfter=${local}`))).toEqual({
      tag: ['a=1', 'b=2'],
      startedAfter: new Date(local).toISOString(),
    });
    expect(listQuery(read('startedAfter=yesterday'))).toEqual({ startedAfter: 'yesterday' });
  });

  it('becomes a filter of a bulk operation', () => {
    expect(bulkFilter(read('status=stuck&status=completed&version=2&tag=a%3D1+b:c%3D2'))).toEqual({
      status: ['stuck'],
      version: 2,
      tags: { a: '1', b: 'c=2' },
    });
    expect(bulkFilter(read('name=order'))).toEqual({ status: ['running', 'compensating', 'suspended', 'stuck'], name: 'order' });
    expect(bulkFilter(read('status=completed'))).toBeUndefined();
    expect(searchWords(read('status=stuck&status=running&step=pay'))).toBe(
      'Sagas that have not ended, with status stuck or running, step pay.',
    );
  });
});
