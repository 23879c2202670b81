import { Option, type Command } from 'commander';
import { wholeNumber } from './arguments.js';
import type { BulkOptions } from './commands/bulk.js';
import { UsageError } from './exit-codes.js';
import { withFindOptions } from './find-options.js';
import type { CliContext, Run } from './terminal.js';

const DECISIONS = {
  cancel: 'turn a saga back, or every one that is found: undo what was done',
  suspend: 'let a saga, or every one that is found, send nothing until it is resumed',
  resume: 'let a suspended saga, or every one that is found, go on',
  retry: 'try a stuck step again, of a saga or of every one that is found',
  settle: 'give the answer that a participant could not, to a saga or to every one that is found',
} as const;
type Verb = keyof typeof DECISIONS;

const OPEN = ['running', 'compensating', 'suspended', 'stuck'];

/** Adds the operators' verbs: about one saga, whose id is given, or about every one that the options find. */
export function addDecisions(program: Command, context: CliContext, run: Run, common: (command: Command) => Command): void {
  const decision = (verb: Verb, isAboutStep: boolean) => {
    const command = common(
      program.command(verb).description(DECISIONS[verb]).argument('[id]', 'id of the saga; without it every one that is found'),
    );
    if (isAboutStep) command.argument('[step]', 'name of the step');
    command
      .requiredOption('--reason <text>', 'why; kept in the history')
      .option('--by <name>', 'who decides (default: the user who runs this)');
    withFindOptions(command, OPEN)
      .option('--failure <id>', 'stuck for this: of `backstep failures`')
      .option('--limit <n>', 'at most so many, newest first', wholeNumber(1, 1_000_000))
      .option('--dry-run', 'say what would happen to how many, and do nothing')
      .option('--yes', 'do it to every saga that is found');
    return command.action((id: string | undefined, ...rest: readonly unknown[]) => {
      const [step, options] = (isAboutStep ? rest : [undefined, ...rest]) as [string | undefined, BulkOptions];
      return run(() => decide(context, verb, { id, step, isAboutStep }, options));
    });
  };
  for (const verb of ['cancel', 'suspend', 'resume'] as const) decision(verb, false);
  const confirm = new Option('--confirm <what>', 'vouch that the command was not done').choices(['not-done']);
  decision('retry', true).option('--request <json>', 'an edited request, of one saga: JSON, @FILE or -').addOption(confirm);
  decision('settle', true)
    .addOption(
      new Option('--outcome <outcome>', 'what the participant would have answered').choices(['success', 'rejected']).makeOptionMandatory(),
    )
    .option('--reply <json>', 'the reply of a success: JSON, @FILE or -')
    .option('--code <code>', 'the code of a rejection');
}

/** What only means something where sagas are looked for. */
const FOR_MANY = [
  ...(['status', 'name', 'sagaVersion', 'key', 'tag', 'step', 'waitingFor', 'error', 'startedBefore', 'startedAfter'] as const),
  ...(['failure', 'limit', 'dryRun', 'yes'] as const),
];

async function decide(
  context: CliContext,
  verb: Verb,
  { id, step, isAboutStep }: { readonly id: string | undefined; readonly step: string | undefined; readonly isAboutStep: boolean },
  options: BulkOptions,
): Promise<number> {
  if (id === undefined) return (await import('./commands/bulk.js')).bulk(context, verb, options);
  const strange = FOR_MANY.filter((name) => options[name] !== undefined);
  const flags = strange.map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  if (flags.length > 0) throw new UsageError(`an id names one saga; ${flags.join(', ')} are for finding some`);
  if (isAboutStep && step === undefined) throw new UsageError('the step is missing');
  return (await import('./commands/operate.js')).operate(context, verb, id, step, options);
}
