import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSigning } from '../../../src/main/signing.js';
import { hmacKey, secretFor } from '../../support/signing.js';

describe('BACKSTEP_SIGNING_KEYS', () => {
  const text = JSON.stringify({ keys: [hmacKey('payments')] });
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'backstep-keys-'));
    await writeFile(join(folder, 'keys.json'), text);
    await writeFile(join(folder, 'bad.json'), text.slice(0, -1));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is JSON, or the path of a file with it', () => {
    for (const said of [text, ` ${text}\n`, join(folder, 'keys.json')])
      expect(openSigning(said, 'backstep')!.orchestratorFaults(['payments'])).toEqual([]);
  });
  it('that is not set or empty means that nothing is signed', () => {
    for (const said of [undefined, '', ' ']) expect(openSigning(said, 'backstep')).toBeUndefined();
  });
  it('names the file that is not there, and tells nothing of what is in one that is wrong', () => {
    const secret = secretFor('payments-1');
    expect(() => openSigning(join(folder, 'none.json'), 'backstep')).toThrow(
      /BACKSTEP_SIGNING_KEYS names a file that cannot be read: .*none\.json/,
    );
    expect(() => openSigning(join(folder, 'bad.json'), 'backstep')).toThrow(/not JSON/);
    expect(() => openSigning(join(folder, 'bad.json'), 'backstep')).not.toThrow(secret);
  });
});
