import { MESSAGE_FAULTS } from './message-faults.js';
import { ORCHESTRATOR_FAULTS } from './orchestrator-faults.js';
import { DEFINITION_FAULTS, FACE_FAULTS, HOSTILE_FAULTS } from './other-faults.js';
import { PARTICIPANT_FAULTS } from './participant-faults.js';
import { BROKER_FAULTS, CONCURRENCY_FAULTS, DATABASE_FAULTS, TIME_FAULTS } from './server-faults.js';
import { INVARIANTS, MUTANTS } from './judges.js';
import type { Fault, Group, Invariant, Mutant } from './types.js';

/** Everything that the laboratory knows to go wrong, by group. */
export const GROUPS: readonly Group[] = [
  { letter: 'A', title: 'The orchestrator dies', faults: ORCHESTRATOR_FAULTS },
  { letter: 'B', title: 'Participants', faults: PARTICIPANT_FAULTS },
  { letter: 'C', title: 'Messages', faults: MESSAGE_FAULTS },
  { letter: 'D', title: 'The broker', faults: BROKER_FAULTS },
  { letter: 'E', title: 'The database', faults: DATABASE_FAULTS },
  { letter: 'F', title: 'Time', faults: TIME_FAULTS },
  { letter: 'G', title: 'Several at once, and zombies', faults: CONCURRENCY_FAULTS },
  { letter: 'H', title: 'Definitions and versions', faults: DEFINITION_FAULTS },
  { letter: 'I', title: 'API, command line, dashboard, load', faults: FACE_FAULTS },
  { letter: 'J', title: 'Hostile messages', faults: HOSTILE_FAULTS },
];

export { INVARIANTS, MUTANTS };
export type { Fault, Group, Invariant, Mutant };

/** Any row that a test or an experiment may name. */
export type Row = Fault | Invariant | Mutant;

export const ROWS: ReadonlyMap<string, Row> = new Map(
  [...GROUPS.flatMap(({ faults }) => faults), ...INVARIANTS, ...MUTANTS].map((row) => [row.id, row]),
);

/** Whether CI has to have exercised it; the rest is for the long run. Mutants take turns in CI. */
export function isForCi(row: Row): boolean {
  if ('run' in row) return row.run !== 'F';
  // V21 takes the time that only a soak has.
  return row.id.startsWith('V') && row.id !== 'V21';
}
