import { InvalidArgumentError, Option, type Command } from 'commander';
import { ROLES } from '../access/principal.js';
import { duration, several } from '../cli/arguments.js';
import type { Run } from '../cli/terminal.js';
import type { TokenOptions } from './commands/token.js';
import type { Host } from './host.js';

/** Adds `token new`. It needs no server: what it prints is configured by hand. */
export function addTokenCommands(program: Command, { terminal }: Host, run: Run): void {
  program
    .command('token')
    .description('make tokens for the API')
    .command('new')
    .description('make a token: prints it, and the entry that the server is configured with')
    .requiredOption('--name <name>', 'whose it is; shown in histories and in the audit')
    .addOption(new Option('--role <role>', `one of ${ROLES.join(', ')}`).choices(ROLES).makeOptionMandatory())
    .option('--definitions <names>', 'the only definitions it reaches, with commas between them; may be repeated', names)
    .option('--expires <duration>', 'how long it is good for, such as 90d (default: for ever)', lasting)
    .option('--add-to <file>', 'add the entry to this file of tokens')
    .option('--once', 'with --add-to: make none where the file has one of this name')
    .option('--json', 'print JSON')
    .action((options: TokenOptions) =>
      run(async () => (await import('./commands/token.js')).newTokenCommand(terminal, options, Date.now())),
    );
}

function names(text: string, before?: readonly string[]): readonly string[] {
  return text.split(',').reduce<readonly string[]>((all, one) => several(one.trim(), all), before ?? []);
}

/** The longest that a date can be written for. */
const LONGEST_MS = 100 * 365 * 86_400_000;

function lasting(text: string): number {
  const ms = duration(text);
  if (ms > 0 && ms <= LONGEST_MS) return ms;
  throw new InvalidArgumentError('It must be a duration up to 36500d.');
}
