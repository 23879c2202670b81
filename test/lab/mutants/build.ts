import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { transformSync } from '@swc/core';
import type { Mutant, Patch } from './mutant.js';

/** What a mutated copy needs: the sources for the tests, the compiled files for everything else. */
const FOLDERS = ['src', 'sagas', 'test'] as const;
const COPIES = join('dist', 'mutants');

/**
 * Makes a copy of the project with the bug in it, sources and compiled, and gives its folder. It never ships: it lies in `dist/mutants`,
 * which no package holds. Throws when a patch does not fit the source any more.
 */
export function buildMutant({ id, patches }: Mutant): string {
  const folder = join(COPIES, id);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of FOLDERS) cpSync(name, join(folder, name), { recursive: true });
  const isCompiled = (path: string) => !/\.d\.(ts|mts)$|\.map$/.test(path);
  for (const name of FOLDERS) {
    const from = join('dist', name);
    if (existsSync(from)) cpSync(from, join(folder, from), { recursive: true, filter: isCompiled });
  }
  // The compiled files find each other and `backstep` by it.
  cpSync('package.json', join(folder, 'package.json'));
  cpSync('tsconfig.json', join(folder, 'tsconfig.json'));
  for (const file of new Set(patches.map((patch) => patch.file))) {
    const source = patches.filter((patch) => patch.file === file).reduce((text, patch) => applied(text, patch), readFileSync(file, 'utf8'));
    writeFileSync(join(folder, file), source);
    writeFileSync(join(folder, 'dist', file.replace(/\.ts$/, '.js')), compiled(source, file));
  }
  return folder;
}

/** The text with the patch in it; throws where what it replaces is not there exactly once. */
export function applied(text: string, { file, find, replace }: Patch): string {
  const times = text.split(find).length - 1;
  if (times !== 1) throw new Error(`a patch for ${file} no longer fits: its text is there ${times} times, wanted once:\n${find}`);
  return text.replace(find, () => replace);
}

function compiled(source: string, file: string): string {
  return transformSync(source, {
    filename: basename(file),
    swcrc: false,
    configFile: false,
    module: { type: 'es6' },
    jsc: {
      target: 'es2022',
      keepClassNames: true,
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
    },
  }).code;
}
