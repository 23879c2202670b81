import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cycleIn, importsOf } from '../support/imports.js';

function within(files: Record<string, string>, look: (path: (name: string) => string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'backstep-imports-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  try {
    look((name) => join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the reader of imports', () => {
  it('finds every form of them, and none in comments', () => {
    const text = `
      import 'reflect-metadata';
      import one, { two } from 'pg';
      import {
        three,
      } from './other.js';
      import type { Four } from './types.js';
      export { five } from 'hono/tiny';
      export type { Six } from 'zod';
      const seven = import('node:fs');
      // import 'not-this';  /* import 'nor-this' */
      /* import 'nor-that'; */
      const eight = 'https://host'; const nine = \`select from \${eight}\`;
    `;
    within({ 'all.ts': text, 'other.ts': '' }, (path) => {
      expect(importsOf(path('all.ts')).map(({ to }) => to)).toEqual([
        'reflect-metadata',
        'pg',
        path('other.ts'),
        path('types.js'),
        'hono/tiny',
        'zod',
        'node:fs',
      ]);
    });
  });

  it('finds a circle, also one of types', () => {
    const files = { 'a.ts': `import './b.js';`, 'b.ts': `import { c } from './c.js';`, 'c.ts': `export * from './a.js';` };
    within(files, (path) => expect(cycleIn([path('a.ts')])).toEqual(['a.ts', 'b.ts', 'c.ts', 'a.ts'].map(path)));
    within({ ...files, 'c.ts': `import type { A } from './a.js';` }, (path) => expect(cycleIn([path('a.ts')])).toHaveLength(4));
    within({ ...files, 'c.ts': '' }, (path) => expect(cycleIn([path('a.ts')])).toBeUndefined());
  });
});
