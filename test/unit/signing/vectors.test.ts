import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isSignature, Keyring } from '../../../src/signing/keyring.js';
import { readSigningKeys } from '../../../src/signing/keys.js';
import { makeVectors, type Vectors } from '../../lab/signing/vectors.js';

const published = JSON.parse(readFileSync('docs/signing-vectors.json', 'utf8')) as Vectors;

describe('docs/signing-vectors.json', () => {
  it('is what `npm run signing-vectors` makes', () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(makeVectors())));
  });

  it('holds signatures that fit their texts, and bodies whose hashes are in them', () => {
    const ring = new Keyring(readSigningKeys(JSON.stringify({ keys: published.keys })));
    expect(published.vectors.length).toBeGreaterThan(8);
    for (const { what, key, signedText, signature, bodyBase64 } of published.vectors) {
      expect([what, isSignature(ring.find(key)!, signedText, signature)]).toEqual([what, true]);
      expect(signedText).toContain(`64:${createHash('sha256').update(Buffer.from(bodyBase64, 'base64')).digest('hex')},`);
    }
  });
});
