// Runs a server that cannot outlive this process. Its parent is a shell that holds the reading end of a pipe from us: however we die,
// the pipe closes, and the shell ends the server and removes its folder. It also reaps the server, so that a killed one is really gone.
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const SUPERVISOR = `
dir=$1; last_signal=$2; afterwards=$3; shift 3
while read -r order; do
  ( "$@" </dev/null >>"$dir/log" 2>&1 &
    echo $! >"$dir/pid"; echo "started $!"; wait $!; code=$?; rm -f "$dir/pid"; echo "ended $code" ) &
done
if [ -s "$dir/pid" ]; then
  pid=$(cat "$dir/pid"); kill "-$last_signal" "$pid"; kill -CONT "$pid"
fi
wait
eval "$afterwards"
rm -rf "$dir" || { sleep 1; rm -rf "$dir"; }
`;

/** @typedef {{ uid: number, gid: number }} Account */

/**
 * A temporary folder that `account` owns.
 * @param {string} prefix
 * @param {Account} [account]
 */
export function temporaryFolder(prefix, account) {
  const base = account && existsSync('/tmp') ? '/tmp' : tmpdir(); // TMPDIR of root need not be open to others
  const dir = mkdtempSync(join(base, `${prefix}-`));
  if (account) chownSync(dir, account.uid, account.gid);
  return dir;
}

/**
 * Owns one server process at a time and the folder it lives in; does not know when the server is ready.
 * Invariant: when this process or `dispose` ends, neither server nor folder is left.
 */
export class SupervisedServer {
  /** @type {number | undefined} */ #pid;
  /** @type {((pid: number) => void) | undefined} */ #onStarted;
  /** @type {Promise<void>} */ #ended = Promise.resolve();
  /** @type {(() => void) | undefined} */ #onEnded;

  /**
   * @param {{ dir: string, command: string[], env?: NodeJS.ProcessEnv, account?: Account | undefined, lastSignal: string, afterwards?: string }} options
   *   `lastSignal` ends the server when we are gone; `afterwards` is shell text that runs when it has ended.
   */
  constructor({ dir, command, env, account, lastSignal, afterwards = '' }) {
    this.dir = dir;
    this.shell = spawn('sh', ['-c', SUPERVISOR, 'supervisor', dir, lastSignal, afterwards, ...command], {
      cwd: '/',
      detached: true, // Ctrl-C belongs to the tests; the server goes when the pipe closes
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
      ...account,
    });
    this.shell.stdin.on('error', () => {}); // the shell is gone: `dispose` and `start` see that in its exit
    createInterface({ input: this.shell.stdout }).on('line', (line) => this.#hear(line));
    this.#setHolding(false);
  }

  /** @param {string} line */
  #hear(line) {
    const [word, number] = line.split(' ');
    if (word === 'started') {
      this.#pid = Number(number);
      this.#onStarted?.(this.#pid);
    } else {
      this.#pid = undefined;
      this.#onEnded?.();
    }
  }

  get hasLeft() {
    return this.shell.exitCode !== null || this.shell.signalCode !== null;
  }

  get isRunning() {
    return this.#pid !== undefined;
  }

  /** The end of what the server wrote, for error messages. */
  get logTail() {
    const log = join(this.dir, 'log');
    return existsSync(log) ? readFileSync(log, 'utf8').slice(-2_000) : '';
  }

  /** Starts the process and gives its id; whether it serves yet is for the caller to find out. */
  async start() {
    if (this.#pid !== undefined) return this.#pid;
    this.#ended = new Promise((resolve) => (this.#onEnded = resolve));
    /** @type {Promise<number>} */
    const started = new Promise((resolve, reject) => {
      this.#onStarted = resolve;
      if (this.hasLeft) reject(new Error('the supervising shell has ended'));
      this.shell.once('error', reject);
      this.shell.once('exit', () => reject(new Error('the supervising shell has ended')));
      this.shell.stdin.write('start\n');
    });
    return this.#holding(started);
  }

  /** @param {NodeJS.Signals} signal Sent to the server's first process; resolves when that has ended. */
  async end(signal) {
    if (this.#pid === undefined) return;
    signalProcess(this.#pid, signal);
    await this.#holding(this.#ended);
  }

  /** Kills every process of the server at once, as a power cut would. */
  async kill() {
    if (this.#pid === undefined) return;
    this.signalAll('SIGKILL');
    await this.#holding(this.#ended);
  }

  /** @param {NodeJS.Signals} signal Sent to every process of the server. */
  signalAll(signal) {
    if (this.#pid === undefined) return;
    for (const pid of [this.#pid, ...descendants(this.#pid)]) signalProcess(pid, signal);
  }

  /** Kills the server and removes its folder. */
  async dispose() {
    if (this.hasLeft) return;
    await this.kill();
    await this.#holding(
      new Promise((resolve) => {
        this.shell.once('exit', resolve);
        this.shell.stdin.end();
      }),
    );
  }

  /**
   * A server that somebody forgot must not keep this process alive, but one that is waited for must.
   * @template T
   * @param {Promise<T>} promise
   */
  async #holding(promise) {
    this.#setHolding(true);
    try {
      return await promise;
    } finally {
      this.#setHolding(false);
    }
  }

  /** @param {boolean} isHolding */
  #setHolding(isHolding) {
    const verb = isHolding ? 'ref' : 'unref';
    this.shell[verb]();
    for (const pipe of [this.shell.stdin, this.shell.stdout]) /** @type {import('node:net').Socket} */ (pipe)[verb]();
  }
}

/** @param {number} pid @param {NodeJS.Signals} signal */
function signalProcess(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error; // ended by itself in the meantime
  }
}

/** @param {number} ancestor @returns {number[]} */
function descendants(ancestor) {
  /** @type {Map<number, number[]>} */
  const childrenOf = new Map();
  for (const [pid, parent] of processTable()) childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), pid]);
  const found = [...(childrenOf.get(ancestor) ?? [])];
  for (const pid of found) found.push(...(childrenOf.get(pid) ?? []));
  return found;
}

/** Every process with its parent. @returns {[pid: number, parent: number][]} */
function processTable() {
  if (!existsSync('/proc/self/stat')) {
    const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
    return rows.map((row) => /** @type {[number, number]} */ (row.trim().split(/\s+/).map(Number)));
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]];
      } catch {
        return []; // gone since the folder was read
      }
    });
}
