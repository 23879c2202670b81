import { spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { closeAtEnd } from '../support/closing.js';

const BIN = resolve('dist/src/main/backstep.js');

export type Variables = Readonly<Record<string, string>>;
export interface Ended {
  /** `null`: killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `backstep` that runs, and what it has said so far. It is ended at the end of the test file if it still runs. */
abstract class Running {
  stdout = '';
  stderr = '';
  abstract readonly ended: Promise<Ended>;
  protected hasEnded = false;
  readonly #listeners = new Set<() => void>();

  /** Of what runs inside the test: SIGTERM and SIGINT only. */
  abstract kill(signal: NodeJS.Signals): void;

  /** What the pattern finds in the output, as soon as it is there. Rejects when it ends without it. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((found, reject) => {
      const look = () => {
        const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
        if (!match && !this.hasEnded) return;
        this.#listeners.delete(look);
        if (match) found(match);
        else reject(new Error(`it ended without saying ${String(pattern)}:\n${this.stdout}\n${this.stderr}`));
      };
      this.#listeners.add(look);
      look();
    });
  }

  protected hear(keep: () => void): void {
    keep();
    for (const listener of this.#listeners) listener();
  }
}

/** A process, as compiled. */
export class Command extends Running {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;

  constructor(args: readonly string[], variables: Variables = {}, input = '') {
    super();
    this.#child = spawn(process.execPath, [BIN, ...args], { env: { ...without(process.env), ...variables }, stdio: 'pipe' });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => this.hear(() => (this.stdout += text)));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => this.hear(() => (this.stderr += text)));
    this.#child.stdin!.on('error', () => {}).end(input);
    this.ended = new Promise((done) => {
      this.#child.on('close', (code) => {
        this.hasEnded = true;
        this.hear(() => {});
        done({ code, stdout: this.stdout, stderr: this.stderr });
      });
    });
    closeAtEnd(async () => {
      this.kill('SIGKILL');
      await this.ended;
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.hasEnded) this.#child.kill(signal);
  }
}

/**
 * The same program in the test's own process: a process costs one and a half seconds of a processor. For whatever is not about
 * processes: signals, pipes, exit codes as a shell sees them, sagas in TypeScript, and why a connection failed (an error of Node's own is none here).
 */
export class Inside extends Running {
  readonly ended: Promise<Ended>;
  readonly #onSignal: ((signal: NodeJS.Signals) => void)[] = [];
  /** Sent before anybody listened. */
  #sent: NodeJS.Signals | undefined;

  constructor(args: readonly string[], variables: Variables = {}, input = '') {
    super();
    this.ended = this.#run(args, variables, input);
    closeAtEnd(async () => {
      this.kill('SIGTERM');
      await this.ended;
    });
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#onSignal.length === 0) this.#sent = signal;
    for (const listener of this.#onSignal.splice(0)) listener(signal);
  }

  async #run(args: readonly string[], environment: Variables, input: string): Promise<Ended> {
    const { runProgram } = await import('../../src/main/program.js');
    const terminal = {
      out: (text: string) => this.hear(() => (this.stdout += text)),
      err: (text: string) => this.hear(() => (this.stderr += text)),
      isTty: false,
      isErrTty: false,
      colors: false,
      columns: 120,
      input: once(input),
    };
    const events = {
      on: (event: string, listener: (told: never) => void) => {
        if (event !== 'SIGTERM') return;
        const told = listener as (signal: NodeJS.Signals) => void;
        if (this.#sent) queueMicrotask(() => told(this.#sent!));
        else this.#onSignal.push(told);
      },
      exit: () => undefined,
    };
    const code = await runProgram(args, { terminal, environment, process: events, user: 'tester' });
    this.hasEnded = true;
    this.hear(() => {});
    return { code, stdout: this.stdout, stderr: this.stderr };
  }
}

async function* once(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text);
}

/** Runs a command to its end, in a process. */
export function backstep(args: readonly string[], variables: Variables = {}, input = ''): Promise<Ended> {
  return new Command(args, variables, input).ended;
}

/** The same in the test's own process. */
export function inside(args: readonly string[], variables: Variables = {}, input = ''): Promise<Ended> {
  return new Inside(args, variables, input).ended;
}

/** A daemon on a free port, listening. */
export async function daemon(variables: Variables, args: readonly string[] = []): Promise<Command & { readonly url: string }> {
  return listening(new Command(['serve', '--port', '0', ...args], variables));
}

/** The same in the test's own process. */
export async function daemonInside(variables: Variables, args: readonly string[] = []): Promise<Inside & { readonly url: string }> {
  return listening(new Inside(['serve', '--port', '0', ...args], variables));
}

async function listening<C extends Running>(command: C): Promise<C & { readonly url: string }> {
  const [, url] = await command.says(/listening on (http:\/\/[^\s"/,]+)/);
  return Object.assign(command, { url: url! });
}

/** The product's own variables must not leak in from whoever runs the tests. */
function without(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('BACKSTEP_') && name !== 'NODE_OPTIONS'));
}
