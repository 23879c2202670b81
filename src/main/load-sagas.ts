import { existsSync, realpathSync } from 'node:fs';
import { register } from 'node:module';
import { isAbsolute, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ContainerModule } from 'inversify';
import { messageOf, SagaError } from '../core/errors.js';
import { SagaDefinition, type SagaClass } from '../saga/definition.js';
import { isParticipant } from '../saga/handlers.js';
import { HANDLES, type ParticipantTarget } from '../saga/participant.js';
import { sagaOptionsOf } from '../saga/saga.js';
import { sagaFolders, type SagaFolder } from './saga-folders.js';

/** What saga folders export, each thing once; recognised by what it is, under any name. */
export interface LoadedSagas {
  readonly definitions: readonly SagaClass[];
  readonly participants: readonly ParticipantTarget[];
  /** With the bindings of what their constructors ask for. */
  readonly modules: readonly ContainerModule[];
}

/**
 * Loads saga folders, compiled or TypeScript. Throws `SAGA_DEFINITION_INVALID` with the faults of all folders: no index, an index that
 * throws (with file and line), one that exports nothing to load. The definitions themselves are checked by `loadDefinitions`.
 */
export async function loadSagas(dirs: string | readonly string[]): Promise<LoadedSagas> {
  const faults: string[] = [];
  const folders = [dirs].flat().flatMap((dir) => sagaFolders(dir, faults));
  registerHook();
  const exported: unknown[] = [];
  // One after the other: what a folder's modules do on import happens in the same order every time.
  for (const folder of folders) exported.push(...(await exportsOf(folder, faults)));
  if (faults.length > 0) throw new SagaError('SAGA_DEFINITION_INVALID', 'the sagas cannot be loaded:', faults);
  const unique = [...new Set(exported)];
  return {
    definitions: unique.filter(isDefinition),
    participants: unique.filter(isParticipant),
    modules: unique.filter((value) => value instanceof ContainerModule),
  };
}

async function exportsOf({ folder, index }: SagaFolder, faults: string[]): Promise<readonly unknown[]> {
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(resolve(index)).href)) as Record<string, unknown>;
  } catch (error: unknown) {
    faults.push(importFault(error, folder, index));
    return [];
  }
  // A module's namespace lists its exports by name, not in the order of writing.
  const values = Object.values(module).flat();
  const forgotten = Object.entries(module).flatMap(([name, value]) => undecorated(name, value));
  faults.push(...forgotten.map((fault) => `${index}: ${fault}`));
  const usable = values.filter((value) => isDefinition(value) || isParticipant(value) || value instanceof ContainerModule);
  if (usable.length === 0 && forgotten.length === 0) faults.push(`${index}: it exports no saga definition, participant or ContainerModule`);
  return usable;
}

function isDefinition(value: unknown): value is SagaClass {
  return sagaOptionsOf(value) !== undefined;
}

/** Classes that lack their decorator: left out in silence, a saga would be missed only when somebody starts it. */
function undecorated(name: string, value: unknown): readonly string[] {
  if (typeof value !== 'function' || isDefinition(value) || isParticipant(value)) return [];
  const prototype: unknown = value.prototype;
  if (prototype instanceof SagaDefinition)
    return [`'${name}' extends SagaDefinition but has no @Saga(…); add it, or do not export the class here`];
  if (typeof prototype === 'object' && prototype !== null && Reflect.hasMetadata(HANDLES, prototype))
    return [`'${name}' has @Handles(…) methods but no @Participant(…); add it, or do not export the class here`];
  return [];
}

/** `<file>:<line>:<column>: <what it said>`, the place being the first of the stack that lies in the folder. */
function importFault(error: unknown, folder: string, index: string): string {
  const root = realpathSync(folder);
  const places = [
    ...((error instanceof Error && error.stack) || '').matchAll(/(file:\/\/[^\s()]+?|\/[^\s():]+):(\d+)(?::(\d+))?(?=$|[\s)\]])/gm),
  ];
  const place = places
    .map(([, file, line, column]) => ({ file: pathOf(file!), at: column ? `${line}:${column}` : line }))
    .find(({ file }) => isWithin(root, file));
  const where = place ? `${shown(folder, root, place.file)}:${place.at}` : index;
  return `${where}: ${messageOf(error).trimEnd().replaceAll('\n', '\n    ')}`;
}

function pathOf(file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file) : file;
}

function isWithin(root: string, file: string): boolean {
  const path = relative(root, file);
  return path !== '' && !path.startsWith('..') && !isAbsolute(path);
}

/** As the person wrote the folder. */
function shown(folder: string, root: string, file: string): string {
  return `${folder.replace(/\/+$/, '')}/${relative(root, file)}`;
}

let isRegistered = false;
/** Once for the process. Run from its own sources (by a test runner), whatever compiles this file compiles saga folders too. */
function registerHook(): void {
  const hook = new URL('./typescript-hook.js', import.meta.url);
  if (isRegistered || !existsSync(hook)) return;
  isRegistered = true;
  register(hook.href);
  process.setSourceMapsEnabled(true);
}
