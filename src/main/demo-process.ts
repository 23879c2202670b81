import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('./backstep.js', import.meta.url));
const START_WAIT_MS = 30_000;
const STOP_WAIT_MS = 12_000;

/** A `backstep` command that runs until it is stopped. */
export interface Service {
  /** Resolves with the first line of its log for which `find` gives something; rejects when the process ends before. */
  told<T>(find: (line: Readonly<Record<string, unknown>>) => T | undefined): Promise<T>;
  stop(): Promise<void>;
}

/** Runs a `backstep` command to its end; rejects with what it said when its exit code is not 0. */
export async function runCommand(args: readonly string[], environment: NodeJS.ProcessEnv, input?: string): Promise<string> {
  const child = spawn(process.execPath, [COMMAND, ...args], { env: environment, stdio: 'pipe' });
  const said: { out: string; err: string } = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
  child.stdin.end(input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0) return said.out;
  throw new Error(`backstep ${args[0]} failed: ${(said.err || said.out).trim()}`);
}

/** Starts a `backstep` command that logs lines of JSON and runs until it is stopped. */
export function startService(args: readonly string[], environment: NodeJS.ProcessEnv): Service {
  // A process group of its own: Ctrl-C reaches the demo alone, which then stops its services in order.
  const child = spawn(process.execPath, [COMMAND, ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const ended = once(child, 'close');
  const lines: Readonly<Record<string, unknown>>[] = [];
  const listeners = new Set<(line: Readonly<Record<string, unknown>>) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (text) => {
      const line = parsed(text);
      lines.push(line);
      for (const listener of listeners) listener(line);
    });
  }
  return {
    told: (find) =>
      new Promise((resolve, reject) => {
        const listener = (line: Readonly<Record<string, unknown>>) => {
          const found = find(line);
          if (found === undefined) return;
          clearTimeout(timer);
          listeners.delete(listener);
          resolve(found);
        };
        const failed = (why: string) => reject(new Error(`backstep ${args[0]} ${why}: ${lastWords(lines)}`));
        const timer = setTimeout(() => failed('is not up'), START_WAIT_MS);
        listeners.add(listener);
        for (const line of lines) listener(line);
        void ended.then(() => {
          clearTimeout(timer);
          failed('has ended');
        });
      }),
    stop: () => stop(child, ended),
  };
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WAIT_MS);
  await ended;
  clearTimeout(timer);
}

/** A line of the log; plain text where it is none. */
function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null) return line as Record<string, unknown>;
  } catch {
    // Said by something that does not log JSON.
  }
  return { msg: text };
}

function lastWords(lines: readonly Readonly<Record<string, unknown>>[]): string {
  return lines
    .slice(-5)
    .map((line) => [line['msg'], line['error']].filter((part) => typeof part === 'string').join(': '))
    .join('; ');
}
