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

/** A `backstep` process, as compiled. It is killed at the end of the test file if it still runs. */
export class Command {
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #hasEnded = false;

  constructor(args: readonly string[], variables: Variables = {}, input = '') {
    this.#child = spawn(process.execPath, [BIN, ...args], { env: { ...without(process.env), ...variables }, stdio: 'pipe' });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#hear(() => (this.stdout += text)));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#hear(() => (this.stderr += text)));
    this.#child.stdin!.on('error', () => {}).end(input);
    this.ended = new Promise((done) => {
      this.#child.on('close', (code) => {
        this.#hasEnded = true;
        this.#hear(() => {});
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
    if (!this.#hasEnded) this.#child.kill(signal);
  }

  /** What the pattern finds in the output, as soon as it is there. Rejects when the process ends without it. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((found, reject) => {
      const look = () => {
        const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
        if (!match && !this.#hasEnded) return;
        this.#listeners.delete(look);
        if (match) found(match);
        else reject(new Error(`it ended without saying ${String(pattern)}:\n${this.stdout}\n${this.stderr}`));
      };
      this.#listeners.add(look);
      look();
    });
  }

  #hear(keep: () => void): void {
    keep();
    for (const listener of this.#listeners) listener();
  }
}

/** Runs a command to its end. */
export function backstep(args: readonly string[], variables: Variables = {}, input = ''): Promise<Ended> {
  return new Command(args, variables, input).ended;
}

/** A daemon on a free port, listening. */
export async function daemon(variables: Variables, args: readonly string[] = []): Promise<Command & { readonly url: string }> {
  const command = new Command(['serve', '--port', '0', ...args], variables);
  const [, url] = await command.says(/listening on (http:\/\/[^\s"/,]+)/);
  return Object.assign(command, { url: url! });
}

/** The product's own variables must not leak in from whoever runs the tests. */
function without(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('BACKSTEP_') && name !== 'NODE_OPTIONS'));
}
