import { spawn, type ChildProcess } from 'node:child_process';
import { closeAtEnd } from '../support/closing.js';

/** Any program that runs for a while; killed at the end of the test file if it still does. */
export class Program {
  stdout = '';
  stderr = '';
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #isOver = false;

  constructor(command: string, args: readonly string[], environment: NodeJS.ProcessEnv, cwd?: string) {
    this.#child = spawn(command, [...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#hear(() => (this.stdout += text)));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#hear(() => (this.stderr += text)));
    this.ended = new Promise((done) => {
      this.#child.on('close', (code) => {
        this.#isOver = true;
        this.#hear(() => {});
        done({ code, stdout: this.stdout, stderr: this.stderr });
      });
    });
    closeAtEnd(async () => {
      this.kill('SIGKILL');
      await this.ended;
    });
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#isOver) this.#child.kill(signal);
  }

  /** Resolves when the output has the text; rejects when the program ends without it. */
  says(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.stdout.includes(text) || this.stderr.includes(text);
        if (!found && !this.#isOver) return;
        this.#listeners.delete(look);
        if (found) resolve();
        else reject(new Error(`it ended without saying '${text}':\n${this.stdout}\n${this.stderr}`));
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

/** This process's environment without what would point the product somewhere. */
export function plainEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('BACKSTEP_') && name !== 'NODE_OPTIONS');
  return { ...Object.fromEntries(own), ...more };
}
