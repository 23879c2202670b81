import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, CommanderError } from 'commander';
import { EXIT, exitCodeOf } from '../cli/exit-codes.js';
import { printable } from '../cli/printable.js';
import { addClientCommands, addCompletion } from '../cli/program.js';
import type { CliContext, Run, Terminal } from '../cli/terminal.js';
import { messageOf, SagaError } from '../core/errors.js';
import { ApiClient } from '../http/api-client.js';
import type { DefinitionView } from '../http/schemas.js';
import { readClientToken } from './client-token.js';
import { readConfig } from './config.js';
import type { Host } from './host.js';
import { untilInterrupted } from './lifetime.js';
import { withoutSecrets } from './log.js';
import { addServerCommands } from './server-commands.js';
import { addTokenCommands } from './token-commands.js';

/** Runs `backstep` with the arguments after its name, and gives the exit code. Every error ends in one readable message. */
export async function runProgram(args: readonly string[], host: Host): Promise<number> {
  const { terminal, environment } = host;
  let code: number = EXIT.ok;
  const run: Run = async (work) => {
    try {
      code = await work();
    } catch (error: unknown) {
      terminal.err(`${explain(error)}\n`);
      code = exitCodeOf(error);
    }
  };
  // Every command has the flag, and none has to pass it on.
  let tokenFile: string | undefined;
  const connect = (url: string | undefined) => {
    const config = readConfig({ required: ['BACKSTEP_URL'] }, { BACKSTEP_URL: url }, environment);
    return new ApiClient({ url: config.BACKSTEP_URL, token: readClientToken(tokenFile, environment) });
  };
  const program = new Command('backstep')
    .description('Sagas that end: start, watch and operate them')
    .version(versionOfThis(), '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(lineByLine(text)) })
    .showHelpAfterError('(--help lists what there is)');
  program.hook('preAction', (_program, action) => {
    tokenFile = action.opts<{ tokenFile?: string }>().tokenFile;
  });
  addServerCommands(program, host, run);
  addTokenCommands(program, host, run);
  const context: CliContext = {
    terminal,
    connect,
    user: host.user,
    now: () => Date.now(),
    definitionsIn: (directories) => definitionsIn(directories, terminal),
    untilInterrupted: () => untilInterrupted(host.process),
    pause: (ms, signal) => delay(ms, undefined, { signal }).catch(() => {}),
  };
  addClientCommands(program, context, run);
  addCompletion(program, terminal, run);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error: unknown) {
    if (!(error instanceof CommanderError)) {
      terminal.err(`${explain(error)}\n`);
      return exitCodeOf(error);
    }
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return code;
}

/** Loads saga folders as a daemon does. */
async function definitionsIn(directories: readonly string[], terminal: Terminal): Promise<readonly DefinitionView[]> {
  const { createLogger } = await import('./log.js');
  const { openSagas } = await import('./sagas.js');
  const { definitionView } = await import('../http/definition-view.js');
  const { plans } = await openSagas(
    directories,
    createLogger('warn', (line) => terminal.err(line)),
  );
  return plans.map(definitionView);
}

/** For a person: what is wrong and its faults, without stack and without passwords. */
function explain(error: unknown): string {
  if (!(error instanceof SagaError)) return withoutSecrets(`backstep: ${lineByLine(messageOf(error))}`);
  const [first = '', ...faults] = error.message.split('\n');
  return withoutSecrets([`backstep: ${printable(first)} [${error.code}]`, ...faults.map(printable)].join('\n'));
}

/** What quotes an argument must not move the cursor either. */
function lineByLine(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

function versionOfThis(): string {
  // Two levels up from src/main in the sources, three from dist/src/main.
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
    } catch {
      continue;
    }
  }
  return 'unknown';
}
