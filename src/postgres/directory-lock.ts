import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { SagaError } from '../core/errors.js';

/** Who holds a directory. The start time tells a process from a later one with the same id. */
interface Owner {
  readonly pid: number;
  readonly startedAt: string | null;
  /** Of this one lock: a process may have had another. */
  readonly token: string;
}
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Takes the lock file at `path`, so that no two processes use what it guards. A lock whose process has died is taken over.
 * Throws SAGA_UNAVAILABLE, naming the process that holds it.
 */
export async function lockDirectory(path: string): Promise<DirectoryLock> {
  const mine = JSON.stringify({ pid: process.pid, startedAt: startTime(process.pid), token: randomUUID() } satisfies Owner);
  for (let tried = 0; tried < 10; tried++) {
    if (await create(path, mine)) return { release: () => removeOwn(path, mine) };
    const held = await read(path);
    if (held === undefined) continue;
    const owner = ownerIn(held);
    if (owner && isAlive(owner)) {
      const who = owner.pid === process.pid ? 'this process itself' : `process ${owner.pid}`;
      throw new SagaError('SAGA_UNAVAILABLE', `the embedded database is in use by ${who} (${path}); only one process can use it at a time`);
    }
    await removeStale(path, held);
  }
  throw new SagaError('SAGA_UNAVAILABLE', `the lock file ${path} cannot be taken`);
}

/** All or nothing, content included: a file that is linked is complete. */
async function create(path: string, content: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, content);
  try {
    await link(draft, path);
    return true;
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(draft);
  }
}

/** Another process may have taken it over since it was read: then what was moved away is put back. */
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await read(aside)) !== stale) await link(aside, path).catch(() => {});
  await unlink(aside);
}

async function removeOwn(path: string, mine: string): Promise<void> {
  if ((await read(path)) === mine) await unlink(path);
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

function ownerIn(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, startedAt }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const started = startTime(pid);
  return startedAt === null || started === null || started === startedAt;
}

/** When a process started, in whatever form the system says it; `null` where it does not. */
function startTime(pid: number): string | null {
  try {
    // Field 22; the name in field 2 may contain anything, brackets included.
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1)?.split(' ')[20] ?? null;
    if (process.platform === 'win32') return null;
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}
