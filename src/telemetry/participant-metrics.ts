import type { Registry } from 'prom-client';
import { FENCE_TYPE, type Names } from '../core/wire.js';
import type { ParticipantObserver } from '../participant/runtime.js';
import type { ParticipantDeclaration } from '../saga/participant-declaration.js';
import { SIZES, TRANSACTION_SECONDS } from './bounds.js';
import type { DeadLetterSeries } from './dead-letter-series.js';
import { OTHER } from './labels.js';
import { Counter, Histogram } from './series.js';

export interface ParticipantMetricsParts {
  readonly declarations: readonly ParticipantDeclaration[];
  readonly names: Names;
  readonly deadLetters: DeadLetterSeries;
}

/** Turns what hosts of participants tell of themselves into numbers; labels are those of the declarations. */
export function participantMetrics(registry: Registry, { declarations, names, deadLetters }: ParticipantMetricsParts): ParticipantObserver {
  const answered = new Counter(registry, {
    name: 'backstep_commands_answered_total',
    help: 'Commands that got their answer: success, rejected or error.',
    labels: ['participant', 'command', 'outcome'],
  });
  const size = new Histogram(registry, {
    name: 'backstep_group_commands',
    help: "Commands settled in one transaction of a participant's database.",
    labels: ['participant'],
    bounds: SIZES,
  });
  const duration = new Histogram(registry, {
    name: 'backstep_group_duration_seconds',
    help: 'How long such a transaction took, handlers included.',
    labels: ['participant'],
    bounds: TRANSACTION_SECONDS,
  });
  const undone = new Counter(registry, {
    name: 'backstep_groups_undone_total',
    help: 'Groups that were undone as a whole; their commands are tried one by one.',
    labels: ['participant'],
  });
  const outcomesOf = (participant: string, command: string) => ({
    success: answered.of(participant, command, 'success'),
    rejected: answered.of(participant, command, 'rejected'),
    error: answered.of(participant, command, 'error'),
  });
  const seriesOf = (participant: string, commands: readonly string[]) => ({
    commands: new Map([...commands, FENCE_TYPE].map((type) => [type, outcomesOf(participant, type)])),
    group: { size: size.of(participant), duration: duration.of(participant), undone: undone.of(participant) },
  });
  const known = new Map(
    declarations.map(({ participant, commands }) => [
      participant,
      seriesOf(
        participant,
        [...commands.keys()].map((command) => `${participant}.${command}`),
      ),
    ]),
  );
  deadLetters.announce(declarations.map(({ participant }) => names.commands(participant)));
  return {
    answered: ({ participant, type, outcome }) => {
      const count = known.get(participant)?.commands.get(type)?.[outcome] ?? answered.of(OTHER, OTHER, outcome);
      count.add();
    },
    groupCommitted: ({ participant, commands, ms }) => {
      const group = known.get(participant)?.group;
      group?.size.record(commands);
      group?.duration.record(ms / 1_000);
    },
    groupFailed: ({ participant }) => known.get(participant)?.group.undone.add(),
    deadLettered: (letter) => deadLetters.add(letter),
  };
}
