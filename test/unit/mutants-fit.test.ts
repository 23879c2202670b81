import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { applied } from '../lab/mutants/build.js';
import { MUTANTS } from '../lab/mutants/mutants.js';

describe('the deliberate bugs', () => {
  it.each(MUTANTS.map((mutant) => [mutant.id, mutant] as const))('%s fits the source as it is', (_id, { patches }) => {
    const files = new Set(patches.map(({ file }) => file));
    for (const file of files) {
      const before = readFileSync(file, 'utf8');
      const after = patches.filter((patch) => patch.file === file).reduce((text, patch) => applied(text, patch), before);
      expect(after).not.toBe(before);
    }
  });
  it('do not fit a source that they do not know', () => {
    expect(() => applied('a b a', { file: 'x.ts', find: 'a', replace: 'c' })).toThrow('2 times');
    expect(() => applied('b', { file: 'x.ts', find: 'a', replace: 'c' })).toThrow('0 times');
  });
});
