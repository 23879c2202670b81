import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A folder that holds sagas, and the module that exports them. */
export interface SagaFolder {
  readonly folder: string;
  readonly index: string;
}

/**
 * The saga folders of a directory: itself if it has an index, else each folder in it that has one. Paths are as they were given, so
 * that messages show what a person wrote.
 */
export function sagaFolders(dir: string, faults: string[]): readonly SagaFolder[] {
  if (!isFolder(dir)) {
    faults.push(`${dir}: there is no such folder`);
    return [];
  }
  const own = indexOf(dir);
  if (own !== undefined) return [{ folder: dir, index: own }];
  const found: SagaFolder[] = [];
  const before = faults.length;
  for (const folder of foldersIn(dir)) {
    const index = indexOf(folder);
    if (index !== undefined) found.push({ folder, index });
    else if (readdirSync(folder).some((name) => /\.saga\.m?[jt]s$/.test(name)))
      faults.push(`${folder}: it has sagas but no index.ts or index.js that exports them`);
  }
  if (found.length === 0 && faults.length === before) faults.push(`${dir}: neither it nor a folder in it has an index.ts or index.js`);
  return found;
}

/** Compiled first: whoever ships both has compiled on purpose. */
function indexOf(folder: string): string | undefined {
  return ['index.js', 'index.ts'].map((name) => join(folder, name)).find((file) => existsSync(file));
}

/** In the order of their names, so that loading is the same everywhere. */
function foldersIn(dir: string): readonly string[] {
  return readdirSync(dir)
    .filter((name) => !name.startsWith('.') && name !== 'node_modules')
    .toSorted()
    .map((name) => join(dir, name))
    .filter(isFolder);
}

/** Also a link to one, which is how clusters mount files. */
function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
