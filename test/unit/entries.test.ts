import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, string | { types: string; default: string }>;
};

describe('the published entries', () => {
  const entries = Object.entries(manifest.exports).filter(([name]) => name !== './package.json');

  it.each(entries)('%s names its types before its code, both made from one source file', (_name, target) => {
    if (typeof target === 'string') throw new Error('an entry needs types and a default');
    expect(Object.keys(target)).toEqual(['types', 'default']);
    expect(target.types.replace(/\.d\.ts$/, '.js')).toBe(target.default);
  });

  it('can all be imported by their public names', async () => {
    for (const name of ['backstep', 'backstep/participant', 'backstep/orchestrator', 'backstep/client', 'backstep/tracing']) {
      await expect(import(name)).resolves.toBeDefined(); // one after the other: jest links modules that two imports share only once they are there
    }
  });
});
