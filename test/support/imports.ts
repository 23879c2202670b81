import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';

/** One import, re-export or `import()` of a source file. `to` is a path from the project's root for own files, else the name as written. */
export interface Import {
  readonly from: string;
  readonly to: string;
  readonly isOwn: boolean;
}

/** Paths from the project's root, sorted. */
export function sourcesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => ['.ts', '.tsx'].includes(extname(name)))
    .map((name) => join(folder, name))
    .sort();
}

/** The source without its comments. Strings stay, since the names of modules are strings. */
export function codeOf(file: string): string {
  const string = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/;
  const comment = /\/\*[^]*?\*\/|\/\/[^\n]*/;
  return readFileSync(file, 'utf8').replace(new RegExp(`(${string.source})|${comment.source}`, 'g'), (_match, kept?: string) => kept ?? '');
}

/** Everything `file` imports. */
export function importsOf(file: string): Import[] {
  const names = codeOf(file).matchAll(/(?:^|[\s;}])(?:(?:(?:import|export)\s+[^;'()]*?)?\bfrom|import)\s*\(?\s*'([\w@./:-]+)'/g);
  return [...names].map(([, name = '']) => {
    const isOwn = name.startsWith('.');
    const to = isOwn ? sourceFor(normalize(join(dirname(file), name))) : name;
    return { from: file, to, isOwn };
  });
}

/** The first circle of files that import each other, if only for types, as a path that ends where it begins. */
export function cycleIn(files: readonly string[]): string[] | undefined {
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    const start = path.indexOf(file);
    if (start >= 0) return [...path.slice(start), file];
    if (finished.has(file)) return undefined;
    for (const { to, isOwn } of isSource(file) ? importsOf(file) : []) {
      const cycle = isOwn ? visit(to, [...path, file]) : undefined;
      if (cycle) return cycle;
    }
    finished.add(file);
    return undefined;
  };
  for (const file of files) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}

const isSource = (file: string): boolean => /\.tsx?$/.test(file) && existsSync(file);

/** `./x.js` is written for `./x.ts`. */
function sourceFor(path: string): string {
  const candidates = [path.replace(/\.js$/, '.ts'), path.replace(/\.js$/, '.tsx')];
  return candidates.find((candidate) => existsSync(candidate)) ?? path;
}
