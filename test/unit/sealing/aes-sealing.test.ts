import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createDecipheriv, createHash } from 'node:crypto';
import type { Json } from '../../../src/core/json.js';
import { isSealed, NotOpened, openMarked, sealMarked, tidyMarks, type Sealed } from '../../../src/core/sealing.js';
import { readPayloadKeys } from '../../../src/sealing/keys.js';
import { payloadKey, sealingWith } from '../../support/sealing.js';

const SAGA = '0196f000-0000-7000-8000-000000000001';
const OTHER = '0196f000-0000-7000-8000-000000000002';
const sealing = sealingWith(payloadKey('k1'));
const vault = sealing.vaultFor(SAGA);
const whyNot = (open: () => unknown): string => {
  try {
    open();
    return 'opened';
  } catch (error: unknown) {
    return error instanceof NotOpened ? error.why : 'another error';
  }
};

describe('a sealed value', () => {
  const place = 'charge.a.request/card';
  const sealed = vault.seal('4111', place) as unknown as Sealed;

  it('is AES-256-GCM over its JSON, bound to its saga and place: what docs/security.md says, done by hand', () => {
    const { kid, iv, data } = sealed.$sealed;
    const key = createHash('sha256').update('k1').digest();
    const bytes = Buffer.from(data, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64'))
      .setAAD(Buffer.from(`["backstep-sealed-1","${SAGA}","${place}"]`))
      .setAuthTag(bytes.subarray(-16));
    expect(kid).toBe('k1');
    expect(decipher.update(bytes.subarray(0, -16)).toString() + decipher.final().toString()).toBe('"4111"');
  });

  it('is always the same for the same value and place, and another one for anything else', () => {
    expect(sealingWith(payloadKey('k1')).vaultFor(SAGA).seal('4111', place)).toEqual(sealed);
    const others = [
      vault.seal('4112', place),
      vault.seal('4111', 'charge.a.request/note'),
      sealing.vaultFor(OTHER).seal('4111', place),
      sealingWith(payloadKey('k2')).vaultFor(SAGA).seal('4111', place),
    ] as unknown as Sealed[];
    expect(new Set([sealed, ...others].map(({ $sealed: { iv } }) => iv)).size).toBe(5);
  });

  it('[J10] is not opened for another saga or place, or when any bit of it was changed', () => {
    expect(vault.open(sealed, place)).toBe('4111');
    expect(whyNot(() => sealing.vaultFor(OTHER).open(sealed, place))).toBe('forged');
    expect(whyNot(() => vault.open(sealed, 'charge.a.request/note'))).toBe('forged');
    for (const part of ['iv', 'data'] as const) {
      const bytes = Buffer.from(sealed.$sealed[part], 'base64');
      for (let at = 0; at < bytes.length * 8; at++) {
        const changed = Buffer.from(bytes);
        changed[at >> 3]! ^= 1 << (at & 7);
        expect(whyNot(() => vault.open({ $sealed: { ...sealed.$sealed, [part]: changed.toString('base64') } }, place))).toBe('forged');
      }
      for (const cut of ['', '????', bytes.subarray(0, 3).toString('base64'), bytes.subarray(1).toString('base64')])
        expect(whyNot(() => vault.open({ $sealed: { ...sealed.$sealed, [part]: cut } }, place))).toBe('forged');
    }
  });

  it('[J10] waits for its key where that is not known, whoever it is from', () => {
    expect(whyNot(() => sealingWith(payloadKey('k2')).vaultFor(SAGA).open(sealed, place))).toBe('key-missing');
    expect(sealingWith(payloadKey('k2'), payloadKey('k1', 'accepted')).vaultFor(SAGA).open(sealed, place)).toBe('4111');
    // Named after another key it is none of that one's.
    const renamed = { $sealed: { ...sealed.$sealed, kid: 'k2' } };
    expect(whyNot(() => sealingWith(payloadKey('k1'), payloadKey('k2', 'accepted')).vaultFor(SAGA).open(renamed, place))).toBe('forged');
  });
});

describe('what is marked', () => {
  const seal = (value: Json, ...marks: readonly (readonly string[])[]) => sealMarked(vault, value, marks, 'x');
  const sealedPlaces = (value: Json, path = ''): string[] => {
    if (isSealed(value)) return [path];
    return typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([name, each]) => sealedPlaces(each as Json, `${path}/${name}`))
      : [];
  };

  it('is sealed wherever it is, and nothing else', () => {
    const value = { a: 1, b: [{ c: 'x', d: 2 }, { d: 3 }, null, { c: null }], e: { f: { c: 1 } } };
    expect(sealedPlaces(seal(value, ['b', '*', 'c']))).toEqual(['/b/0/c', '/b/3/c']);
    expect(sealedPlaces(seal(value, ['b', '1'], ['e', '*', 'c'], ['none', 'at', 'all']))).toEqual(['/b/1', '/e/f/c']);
    expect(sealedPlaces(seal(value, []))).toEqual(['']);
    expect(seal(value, ['z'])).toBe(value);
    expect(value).toEqual({ a: 1, b: [{ c: 'x', d: 2 }, { d: 3 }, null, { c: null }], e: { f: { c: 1 } } });
  });

  it('comes back as it was, whatever it is and wherever', () => {
    const names = fc.constantFrom('a', 'b', '0', '1', '~', '/', '*');
    const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);
    const value = fc.oneof(json, fc.dictionary(names, fc.dictionary(names, json)), fc.array(fc.dictionary(names, json)));
    fc.assert(
      fc.property(value, fc.array(fc.array(names, { maxLength: 3 }), { maxLength: 4 }), (original, marks) => {
        const tidy = tidyMarks(marks);
        const sealed = sealMarked(vault, original as Json, tidy, 'x');
        expect(openMarked(vault, JSON.parse(JSON.stringify(sealed)) as Json, tidy, 'x')).toEqual(original);
      }),
    );
  });

  it('is said once: an outer mark covers what is in it', () => {
    expect(tidyMarks([['a', 'b'], ['a'], ['a'], ['b', '*'], ['b', 'c'], ['*', 'z'], ['q', 'z', 'y']])).toEqual([
      ['a'],
      ['b', '*'],
      ['*', 'z'],
    ]);
  });
});

describe('BACKSTEP_PAYLOAD_KEYS', () => {
  const faultsOf = (text: string): string => {
    try {
      readPayloadKeys(text);
      return '';
    } catch (error: unknown) {
      return (error as Error).message;
    }
  };
  it('is refused with every fault, and no key is told', () => {
    const short = { id: 'a', key: 'c2VjcmV0' };
    const faults = faultsOf(JSON.stringify({ keys: [short, short] }));
    expect(faults).toContain('key a has 6 bytes; it must have 32');
    expect(faults).toContain('key a is there twice');
    expect(faults).toContain('2 keys are active (a, a); one of them is to seal, the others accepted');
    expect(faultsOf(JSON.stringify({ keys: [{ ...payloadKey('a'), state: 'accepted' }] }))).toContain('0 keys are active');
    for (const text of ['secret', '{"keys":[]}', JSON.stringify({ keys: [{ ...short, more: 1 }] }), faults]) {
      expect(faultsOf(text)).toContain('the payload keys cannot be used');
      expect(faultsOf(text)).not.toMatch(/c2VjcmV0|secret/);
    }
  });
});
