import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { decodeCommands } from '../../../src/core/codec-commands.js';
import { decodeReply } from '../../../src/core/codec-replies.js';
import { encodeText } from '../../../src/core/codec-text.js';
import { parseJson, toJson } from '../../../src/core/json.js';
import type { Message } from '../../../src/core/wire.js';
import { SAGA } from '../../support/scenario.js';

const COMMAND = `${SAGA}.charge.a.1`;
const facts = { 'saga-name': 'place-order', 'saga-version': 1, 'saga-attempt': 1, 'saga-first-sent': 1 };
const message = (body: string | Uint8Array, more: Partial<Message> = {}): Message => ({
  messageId: COMMAND,
  correlationId: COMMAND,
  type: 'payments.charge',
  replyTo: undefined,
  contentType: 'application/json',
  timestamp: undefined,
  appId: undefined,
  expirationMs: undefined,
  headers: facts,
  body: typeof body === 'string' ? encodeText(body) : body,
  ...more,
});
/** Of a command: what its participant would get, or why it is put aside. */
function command(body: string | Uint8Array, more: Partial<Message> = {}): unknown {
  const { commands, faults } = decodeCommands(message(body, more), 'payments');
  return faults.length > 0 ? faults.map(({ reason }) => reason).join('; ') : commands[0]!.request;
}
/** Of a reply: its body, or why it cannot be used. */
function reply(body: string | Uint8Array, headers: Message['headers'] = {}): unknown {
  const read = decodeReply(message(body, { headers }));
  if (!read.ok) return read.reason;
  return read.reply.unusable ?? read.reply.body;
}

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const keys = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join(',')}}`;

const REFUSED: readonly (readonly [rows: string, what: string, text: string, reason: RegExp])[] = [
  ['C3', 'nothing', '', /is not JSON/],
  ['C3', 'half of it', '{"a":', /is not JSON/],
  ['C3', 'two of them', '{} {}', /is not JSON/],
  ['C5', 'a field that is the prototype', '{"a":{"__proto__":{"polluted":true}}}', /a field named __proto__/],
  ['C6', 'an integer that would lose a digit', '{"a":9007199254740993}', /beyond 2\^53/],
  ['C6', 'a number beyond all', '{"a":1e400}', /Infinity, which JSON cannot say/],
  ['C6', 'what is no number', '{"a":NaN}', /is not JSON/],
  ['C7', 'NUL in text', '{"a":"\\u0000"}', /NUL/],
  ['C7', 'NUL in a name', '{"\\u0000":1}', /not plain text/],
  ['C7', 'half of a pair', '{"a":"\\ud800"}', /half of a surrogate pair/],
  ['C7', 'the other half', '["\\udc00x"]', /half of a surrogate pair/],
  ['C8', 'a depth of 65', deep(65), /nested deeper than 64/],
  ['C8', 'a depth of 100,000', deep(100_000), /nested deeper than 64/],
  ['C8', 'a million fields', keys(1_000_000), /the limit is 262144/],
  ['C8', '10 MiB', `"${'x'.repeat(10_485_760)}"`, /the limit is 262144/],
];
const KEPT: readonly (readonly [rows: string, what: string, text: string])[] = [
  ['C5', 'what only looks like a prototype', '{"constructor":{"prototype":{"polluted":true}},"toString":1}'],
  ['C6', 'the greatest integers', '[9007199254740991,-9007199254740991]'],
  ['C6', 'integers as text', '{"cents":"123456789012345678901234567890"}'],
  ['C6', 'fractions', '[0.1,12.34,1e-7]'],
  ['C7', 'letters of every script, pairs, and marks that turn the line round', '["grüße 🎈 \u202e\u200f שלום"]'],
  ['C8', 'a depth of 64', deep(64)],
];

describe('a payload', () => {
  it.each(REFUSED)('[%s] with %s is refused on every way in', (_, __, text, reason) => {
    expect(command(text)).toMatch(reason);
    expect(parseJson(text, 'the input')).toMatchObject({ ok: false, faults: expect.arrayContaining([expect.stringMatching(reason)]) });
    // Of a reply nothing at all is the reply of a command that has none.
    if (text !== '') expect(reply(text)).toMatch(reason);
    expect(String(command(text)).length).toBeLessThan(1_000);
  });

  it.each(KEPT)('[%s] with %s is given back as it was', (_, __, text) => {
    expect(JSON.stringify(command(text))).toBe(text);
    expect(JSON.stringify(reply(text))).toBe(text);
    const value: unknown = JSON.parse(text);
    expect(toJson(value, 'the input')).toMatchObject({ ok: true, text });
  });

  it('[C5] changes no prototype, in its body or in its headers', () => {
    const headers = Object.assign(
      Object.create(null) as Record<string, string>,
      JSON.parse('{"__proto__":"x","constructor":"y"}') as object,
    );
    reply('{"constructor":{"prototype":{"polluted":true}}}', headers);
    reply('{"__proto__":{"polluted":true}}', headers);
    command('{"__proto__":{"polluted":true}}', { headers: { ...facts, ...headers } });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    // Nor is a header found that only the prototype has.
    expect(reply('{}', { 'saga-outcome': 'success' })).toEqual({});
  });

  it('[C6] with a negative zero has a zero', () => {
    expect(toJson({ a: -0 }, 'the input')).toMatchObject({ ok: true, text: '{"a":0}' });
  });

  it('[C7] that begins with a byte order mark is read without it; UTF-16 and broken UTF-8 are refused', () => {
    expect(command(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{"a":1}')]))).toEqual({ a: 1 });
    expect(command(Buffer.from('\ufeff{"a":1}', 'utf16le'))).toMatch(/not UTF-8/);
    for (const bytes of [
      [0x22, 0xc0, 0x80, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xff, 0x22],
    ])
      expect(command(Buffer.from(bytes))).toMatch(/not UTF-8/);
  });

  it('[C3] that is packed is never unpacked', () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    expect(bomb.length).toBeLessThan(20_000);
    for (const contentType of ['application/gzip', 'application/json', 'application/octet-stream', ''])
      expect(command(bomb, { contentType })).toMatch(/not UTF-8|not JSON/);
    expect(reply(bomb)).toMatch(/not UTF-8|not JSON/);
  });

  it('[C4] of the wrong kind is the schema’s business, and none of ours', () => {
    for (const body of ['[]', '1', 'null', '"text"', '{"unknown":{"field":[1]}}']) expect(JSON.stringify(command(body))).toBe(body);
  });
});
