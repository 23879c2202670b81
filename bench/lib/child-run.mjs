// Programs that do one run and print what they measured as their last line of JSON.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from './processes.mjs';

const RUN = fileURLToPath(new URL('../run.mjs', import.meta.url));
/** What a run gets to clean up after it was told to end. */
const GRACE_MS = 20_000;
const active = new Set();
let isInterrupted = false;

/**
 * Runs a program in a process group of its own. Throws an error with the end of what it said where it fails, prints no JSON, or takes longer
 * than `limit` seconds.
 */
export function runForJson(command, args, { what, limit, cwd, env = {} }) {
  if (isInterrupted) return Promise.reject(new Error('interrupted'));
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const entry = { end: (signal) => endGroup(child, signal) };
    active.add(entry);
    let out = '';
    let said = '';
    let isLate = false;
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    child.stderr.on('data', (chunk) => (said = (said + String(chunk)).slice(-4_000)));
    const late = setTimeout(() => {
      isLate = true;
      entry.end('SIGTERM');
    }, limit * 1_000);
    child.on('error', (error) => done(error));
    child.on('close', (code, signal) => done(undefined, code ?? signal));
    function done(error, code) {
      clearTimeout(late);
      if (!active.delete(entry)) return;
      // What it has started must not outlive it.
      kill(child, 'SIGKILL');
      const line = out.trim().split('\n').at(-1);
      if (!error && code === 0 && line?.startsWith('{')) return resolve(JSON.parse(line));
      const why = error ? error.message : isLate ? `took more than ${limit} s` : isInterrupted ? 'was interrupted' : `ended with ${code}`;
      reject(new Error(`${what} ${why}${tail(said) || tail(out)}`, { cause: error }));
    }
  });
}
const tail = (text) => (text.trim() === '' ? '' : `:\n${text.trim().split('\n').slice(-15).join('\n')}`);

function endGroup(child, signal) {
  // The one that was started cleans up and ends the others.
  child.kill(signal);
  setTimeout(() => kill(child, 'SIGKILL'), GRACE_MS).unref();
}
function kill(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody is left.
  }
}

/** Throws once the bench is ending, so that nothing more is begun. */
export function assertGoesOn() {
  if (isInterrupted) throw new Error('interrupted');
}

/** Ends whatever runs, and lets nothing more be started. */
export async function interrupt() {
  isInterrupted = true;
  for (const entry of active) entry.end('SIGTERM');
  const until = performance.now() + GRACE_MS + 1_000;
  while (active.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** One run of `run.mjs`; throws where not every saga has ended as it should. */
export async function runSystem(system, scenario, given, limit) {
  const args = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
  const what = `${system} ${scenario}`;
  // The run's own limit comes first, so that it says where it stands and leaves nothing behind.
  const measured = await runForJson(process.execPath, [...NODE_FLAGS, RUN, system, scenario, ...args, `--limit=${limit}`], {
    what,
    limit: limit + 30,
    env: { BACKSTEP_BENCH_WATCHED: '1' },
  });
  const { counts, started, ...run } = measured;
  const wanted = scenario === 'compensate' ? 'compensated' : 'completed';
  if (counts[wanted] !== started || Object.keys(counts).length !== 1)
    throw new Error(`${what}: not every one of ${started} sagas has ${wanted}: ${JSON.stringify(counts)}`);
  return run;
}
