import type { ApiClient } from '../http/api-client.js';

/** Where a command writes and reads; made by `main` from the process, by tests from arrays. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Standard output is a person's terminal: tables and colour. Otherwise plain tab-separated lines. */
  readonly isTty: boolean;
  /** Standard error is: progress may be redrawn. */
  readonly isErrTty: boolean;
  readonly colors: boolean;
  readonly columns: number;
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
}

/** Options that every client command has. */
export interface CommonOptions {
  readonly url?: string;
  readonly json?: boolean;
}
