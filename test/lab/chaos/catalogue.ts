import type { Fault } from './fault.js';
import { BROKER_FAULTS } from './faults/broker.js';
import { DATABASE_FAULTS } from './faults/database.js';
import { LINK_FAULTS } from './faults/links.js';
import { PROCESS_FAULTS } from './faults/processes.js';
import { ROGUE_FAULTS } from './faults/rogue.js';

/** Every kind of trouble there is. */
export const FAULTS: readonly Fault[] = [...PROCESS_FAULTS, ...LINK_FAULTS, ...DATABASE_FAULTS, ...BROKER_FAULTS, ...ROGUE_FAULTS];

/** Those that a list names: kinds, or words that are part of a kind (`broker`, `commit`). Throws for a name that is in none. */
export function faultsNamed(list: string | undefined): readonly Fault[] {
  const names = (list ?? '').split(',').flatMap((name) => name.trim() || []);
  if (names.length === 0) return FAULTS;
  const unknown = names.filter((name) => !FAULTS.some(({ kind }) => kind.includes(name)));
  if (unknown.length > 0)
    throw new Error(`no fault is called ${unknown.join(', ')}; there are ${FAULTS.map(({ kind }) => kind).join(', ')}`);
  return FAULTS.filter(({ kind }) => names.some((name) => kind.includes(name)));
}
