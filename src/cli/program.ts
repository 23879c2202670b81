import { Argument, Option, type Command } from 'commander';
import { duration, interval, several, tag, wholeNumber } from './arguments.js';
import { addDecisions } from './decisions.js';
import { withFindOptions } from './find-options.js';
import { LETTER_STATUSES } from '../ports/dead-letters.js';
import { GRAPH_FORMATS } from './graph-formats.js';
import type { AuditListOptions, AuditVerifyOptions } from './commands/audit.js';
import type { DeadLettersOptions, LetterAction } from './commands/dead-letters.js';
import type { DefinitionsOptions } from './commands/definitions.js';
import type { FailuresOptions } from './commands/failures.js';
import type { GraphOptions } from './commands/graph.js';
import type { ListOptions } from './commands/list.js';
import type { ShredOptions } from './commands/shred.js';
import type { StartManyOptions } from './commands/start-many.js';
import type { StartOptions } from './commands/start.js';
import type { TopOptions } from './commands/top.js';
import { SHELLS } from './completion/shells.js';
import { EXIT, UsageError } from './exit-codes.js';
import type { CliContext, CommonOptions, Run, Terminal } from './terminal.js';

/** Adds the commands that talk to a running server. What each needs is imported when it is called, so that `--help` is quick. */
export function addClientCommands(program: Command, context: CliContext, run: Run): void {
  addStart(program, context, run);
  addQuestions(program, context, run);
  addViews(program, context, run);
  addDecisions(program, context, run, common);
  addDeadLetters(program, context, run);
  addAudit(program, context, run);
  addShred(program, context, run);
}

function common(command: Command): Command {
  return command
    .option('--url <url>', 'the server (default: BACKSTEP_URL, or http://127.0.0.1:7420)')
    .option('--token-file <file>', 'a file with the token for it (default: BACKSTEP_TOKEN, or BACKSTEP_TOKEN_FILE)')
    .option('--json', 'print JSON');
}

function addStart(program: Command, context: CliContext, run: Run): void {
  common(program.command('start').argument('<name>', 'name of the saga'))
    .description('start a saga, or many')
    .option('--input <json>', 'the input: JSON, @FILE, or - for standard input')
    .option('--many <file>', 'NDJSON, an input on every line: FILE, or - for standard input')
    .option('--key <key>', 'business key: the same key again gives the same saga')
    .option('--saga-version <n>', 'version of the definition (default: the newest)', wholeNumber(1, 2_147_483_647))
    .option('--tag <name=value>', 'a tag; may be repeated', tag)
    .option('--wait [duration]', 'wait until it ends, at most so long', duration)
    .action((name: string, options: Partial<StartOptions & StartManyOptions>) =>
      run(async () => {
        const { input, many } = options;
        if ((input === undefined) === (many === undefined)) throw new UsageError('give either --input or --many');
        if (many === undefined) return (await import('./commands/start.js')).start(context, name, { ...options, input: input! });
        if (options.key !== undefined) throw new UsageError('--key is for one saga; with --many keys come from the definition');
        return (await import('./commands/start-many.js')).startMany(context, name, { ...options, many });
      }),
    );
}

function addQuestions(program: Command, context: CliContext, run: Run): void {
  withFindOptions(common(program.command('list')).description('list sagas, newest first'))
    .option('--limit <n>', 'at most so many', wholeNumber(1, 100_000), 20)
    .option('--all', 'all of them')
    .action((options: ListOptions) => run(async () => (await import('./commands/list.js')).list(context, options)));
  common(program.command('show').argument('<id>', 'id of the saga'))
    .description('show where a saga is, what happened and what can be done')
    .action((id: string, options: CommonOptions) => run(async () => (await import('./commands/show.js')).show(context, id, options)));
  common(program.command('history').argument('<id>', 'id of the saga'))
    .description('everything that happened to a saga, in order')
    .action((id: string, options: CommonOptions) => run(async () => (await import('./commands/history.js')).history(context, id, options)));
  common(program.command('failures'))
    .description('what stuck sagas are stuck for, most frequent first')
    .option('--name <name>', 'of this saga only')
    .action((options: FailuresOptions) => run(async () => (await import('./commands/failures.js')).failures(context, options)));
  common(program.command('plan-cancel').argument('<id>', 'id of the saga'))
    .description('what a cancel would send, in order; sends nothing')
    .action((id: string, options: CommonOptions) =>
      run(async () => (await import('./commands/plan-cancel.js')).planCancel(context, id, options)),
    );
  common(program.command('definitions'))
    .description('what the server has loaded')
    .option('--figures', 'also how often each step failed and how long it took, in the newest finished sagas')
    .action((options: DefinitionsOptions) => run(async () => (await import('./commands/definitions.js')).definitions(context, options)));
}

function addViews(program: Command, context: CliContext, run: Run): void {
  common(program.command('watch').argument('<id>', 'id of the saga'))
    .description('watch a saga until it has ended')
    .action((id: string, options: CommonOptions) => run(async () => (await import('./commands/watch.js')).watch(context, id, options)));
  common(program.command('top'))
    .description('what is under way, as it changes')
    .option('--once', 'print it once')
    .option('--interval <duration>', 'between two looks', interval, 2_000)
    .option('--limit <n>', 'at most so many of the oldest and of the stuck ones', wholeNumber(1, 500), 10)
    .action((options: TopOptions) => run(async () => (await import('./commands/top.js')).top(context, options)));
  common(program.command('graph').argument('[name]', 'name of the definition'))
    .description('draw a definition, or where a saga of it is')
    .addOption(new Option('--format <format>', `one of ${GRAPH_FORMATS.join(', ')} (default: mermaid)`).choices(GRAPH_FORMATS))
    .option('--saga <id>', 'with the state of each step of this saga')
    .option('--saga-version <n>', 'version of the definition (default: the newest)', wholeNumber(1, 2_147_483_647))
    .option('--sagas <dir>', 'read the definition from a saga folder, without a server; may be repeated', several)
    .action((name: string | undefined, options: GraphOptions) =>
      run(async () => (await import('./commands/graph.js')).graph(context, name, options)),
    );
}

const LETTER_ACTIONS: readonly LetterAction[] = ['list', 'show', 'replay', 'discard'];

function addDeadLetters(program: Command, context: CliContext, run: Run): void {
  common(program.command('dead-letters'))
    .description('messages that nobody could understand or trust: look at them, put them back, discard them')
    .addArgument(new Argument('[action]', `one of ${LETTER_ACTIONS.join(', ')}`).choices(LETTER_ACTIONS).default('list'))
    .argument('[ids...]', 'ids of dead letters')
    .addOption(
      new Option('--status <status>', `one of ${LETTER_STATUSES.join(', ')}; may be repeated (default: waiting)`)
        .choices(LETTER_STATUSES)
        .argParser(oneOf('--status', LETTER_STATUSES)),
    )
    .option('--queue <name>', 'that came from this queue')
    .option('--about <text>', 'with this text in the reason for which they were put aside')
    .option('--limit <n>', 'list at most so many', wholeNumber(1, 100_000), 20)
    .option('--all', 'all of them')
    .option('--yes', 'replay or discard all that --queue, --about or --all mean')
    .option('--reason <text>', 'why it is replayed or discarded; kept with it')
    .option('--by <name>', 'who decides (default: the user who runs this)')
    .action((action: LetterAction, ids: string[], options: DeadLettersOptions) =>
      run(async () => (await import('./commands/dead-letters.js')).deadLetters(context, action, ids, options)),
    );
}

function addAudit(program: Command, context: CliContext, run: Run): void {
  const audit = program.command('audit').description('what people did through the API');
  common(audit.command('list'))
    .description('list what people did, newest first')
    .option('--saga <id>', 'to this saga only')
    .option('--limit <n>', 'at most so many', wholeNumber(1, 100_000), 20)
    .action((options: AuditListOptions) => run(async () => (await import('./commands/audit.js')).auditList(context, options)));
  common(audit.command('verify'))
    .description('check that no row was changed or removed')
    .option('--head <number:hash>', 'what an earlier check ended with: the chain must still have it')
    .action((options: AuditVerifyOptions) => run(async () => (await import('./commands/audit.js')).auditVerify(context, options)));
}

function addShred(program: Command, context: CliContext, run: Run): void {
  common(program.command('shred').argument('<subject>', 'whose data it is, as the definitions say it'))
    .description('make what is sealed of a subject unreadable for good')
    .requiredOption('--reason <text>', 'why; kept in the audit')
    .option('--by <name>', 'who decides (default: the user who runs this)')
    .option('--yes', 'there is no way back')
    .action((subject: string, options: ShredOptions) =>
      run(async () => (await import('./commands/shred.js')).shred(context, subject, options)),
    );
}

/** Adds `completion`, which knows every command that is there when it is called. */
export function addCompletion(program: Command, terminal: Terminal, run: Run): void {
  program
    .command('completion')
    .description('print what makes a shell complete commands and options')
    .addArgument(new Argument('<shell>', `one of ${SHELLS.join(', ')}`).choices(SHELLS))
    .action((shell: (typeof SHELLS)[number]) =>
      run(async () => {
        const { SCRIPTS } = await import('./completion/scripts.js');
        const { wordsOf } = await import('./completion/words.js');
        terminal.out(SCRIPTS[shell](wordsOf(program)));
        return EXIT.ok;
      }),
    );
}

/** A value of an option that may be repeated and has only some. */
function oneOf(flag: string, possible: readonly string[]): (text: string, before: unknown) => readonly string[] {
  return (text, before) => {
    if (!possible.includes(text)) throw new UsageError(`${flag} must be one of ${possible.join(', ')}`);
    return several(text, before as readonly string[] | undefined);
  };
}
