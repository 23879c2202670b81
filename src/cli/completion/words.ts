import type { Command, Option } from 'commander';

/** What can be typed after `backstep`, as far as it is known without asking a server. */
export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** Values of its first argument, where only some are possible, or the names of its own commands. */
  readonly choices: readonly string[];
}
export interface OptionWords {
  /** With its dashes. */
  readonly flag: string;
  readonly description: string;
  /** A value follows. */
  readonly takesValue: boolean;
  /** The only values that are possible; empty: any. */
  readonly choices: readonly string[];
}

/** Read from the program itself, so that a new command is completed as soon as it is there. */
export function wordsOf(program: Command): readonly CommandWords[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: command.createHelp().visibleOptions(command).map(optionWords),
    choices: command.registeredArguments[0]?.argChoices ?? command.commands.map((own) => own.name()),
  }));
}

function optionWords(option: Option): OptionWords {
  return {
    flag: option.long ?? option.short!,
    description: option.description,
    takesValue: option.required,
    choices: option.argChoices ?? [],
  };
}
