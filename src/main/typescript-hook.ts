import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Options } from '@swc/core';
import { messageOf } from '../core/errors.js';

/*
 * Module hooks for saga folders; they run on a thread of their own. Node's own type stripping, tsx, jiti and others were tried and fail
 * on decorator metadata, on class fields, or on the compiler's version; so TypeScript goes through swc as our own build settings say.
 */

/** The package's own names, wherever a saga folder lies: what it declares must meet the very copy that is running. */
const OWN = new Map([
  ['backstep', new URL('../index.js', import.meta.url).href],
  ...['participant', 'orchestrator', 'client'].map(
    (entry) => [`backstep/${entry}`, new URL(`../${entry}.js`, import.meta.url).href] as const,
  ),
]);
/** One copy in the process, or what one copy of a decorator wrote the other would not find. */
const SHARED: readonly string[] = ['inversify', 'reflect-metadata'];

/** Resolves our own names to the running copy, `./x.js` to `./x.ts` where only that exists, and falls back to our dependencies. */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const own = OWN.get(specifier);
  if (own !== undefined) return { url: own, shortCircuit: true };
  const here = { ...context, parentURL: import.meta.url };
  if (SHARED.includes(specifier)) return nextResolve(specifier, here);
  try {
    return await nextResolve(specifier, context);
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const source = typescriptOf(specifier, context.parentURL);
    if (source !== undefined) return nextResolve(source, context);
    if (isPath(specifier)) throw error;
    try {
      // A folder outside of any package still finds zod and the like; its own packages come first.
      return await nextResolve(specifier, here);
    } catch {
      throw error; // it names the file that a person wrote, not ours
    }
  }
};

/** Compiles TypeScript with decorators, their metadata and class fields; source maps inline, nothing kept. */
export const load: LoadHook = async (url, context, nextLoad) => {
  if (!url.startsWith('file:') || !/\.m?ts$/.test(new URL(url).pathname)) return nextLoad(url, context);
  const file = fileURLToPath(url);
  return { format: 'module', source: await compiled(await readFile(file, 'utf8'), file), shortCircuit: true };
};

async function compiled(text: string, file: string): Promise<string> {
  // On first use: folders that are compiled already never pay for the compiler.
  const { transform } = await import('@swc/core');
  const options: Options = {
    filename: file,
    sourceFileName: file,
    swcrc: false,
    configFile: false,
    sourceMaps: 'inline',
    module: { type: 'es6' },
    jsc: {
      target: 'es2022',
      keepClassNames: true,
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
      experimental: { keepImportAttributes: true },
    },
  };
  try {
    return (await transform(text, options)).code;
  } catch (error: unknown) {
    // What follows is the compiler's own stack.
    const [message] = messageOf(error).split(/\n+Caused by:/, 1);
    throw new SyntaxError(message!.trim().replace(/^x /, ''), { cause: error });
  }
}

/** The TypeScript file that `./x.js` means when there is no such JavaScript file. */
function typescriptOf(specifier: string, parentUrl: string | undefined): string | undefined {
  if (!isPath(specifier) || !/\.m?js$/.test(specifier) || parentUrl?.startsWith('file:') === false) return undefined;
  const url = new URL(specifier.replace(/js$/, 'ts'), parentUrl);
  return existsSync(url) ? url.href : undefined;
}

function isPath(specifier: string): boolean {
  return /^(\.{1,2}\/|\/|file:)/.test(specifier);
}
