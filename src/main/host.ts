import type { CliContext } from '../cli/terminal.js';
import type { Environment } from './config.js';
import type { ProcessEvents } from './lifetime.js';

/** The process as the program sees it. */
export interface Host {
  readonly terminal: CliContext['terminal'];
  readonly environment: Environment;
  readonly process: ProcessEvents;
  readonly user: string;
}
