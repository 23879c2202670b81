import type { ApiClient } from '../http/api-client.js';
import type { DefinitionView } from '../http/schemas.js';

/** Where a command writes and reads; made by `main` from the process, by tests from arrays. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Standard output is a person's terminal: tables and colour. Otherwise plain tab-separated lines. */
  readonly isTty: boolean;
  /** Standard error is: progress may be redrawn. */
  readonly isErrTty: boolean;
  readonly colors: boolean;
  /** Both as they are now: a window may be resized. How high it is only live views ask. */
  readonly columns: number;
  readonly rows?: number;
  /** Standard input. */
  readonly input: AsyncIterable<Uint8Array | string>;
}

/** What the client commands need from whoever runs them. */
export interface CliContext {
  readonly terminal: Terminal;
  /** The API at the URL of the flag, the environment or the default. */
  connect(url: string | undefined): ApiClient;
  /** Who decides, for `--by`'s default. */
  readonly user: string;
  readonly now: () => number;
  /** The definitions of saga folders, without a server. */
  definitionsIn(directories: readonly string[]): Promise<readonly DefinitionView[]>;
  /** Aborted by Ctrl-C or SIGTERM, which from then on do not end the process by themselves. */
  untilInterrupted(): AbortSignal;
  /** Lets time pass; ends early when the signal is aborted. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** Options that every client command has. */
export interface CommonOptions {
  readonly url?: string;
  readonly json?: boolean;
}

/** Runs a command's work and keeps its exit code. */
export type Run = (work: () => Promise<number>) => Promise<void>;
