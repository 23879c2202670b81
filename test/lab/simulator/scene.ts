import { namesIn, type Addressed } from '../../../src/core/wire.js';
import type { InProcessBroker } from '../../../src/memory/transport-broker.js';
import type { Case } from './case.js';
import type { Ledger } from './ledger.js';
import type { Surroundings } from './life.js';
import type { SagaDatabase } from './simulated-store.js';

export const NAMES = namesIn('sim');
/** Queues whose messages come again when they are lost. */
export const QUEUES = [
  NAMES.replies,
  NAMES.starts,
  ...['alpha', 'beta', 'plain', 'raw'].map((name) => NAMES.commands(name)),
  ...[1, 2, 3].map((daemon) => NAMES.repliesOf(daemon)),
];

/** Something that must never be: which rule, and what was seen. */
export interface Violation {
  /** `V1` to `V23`. */
  readonly id: string;
  readonly text: string;
}

/** The world, as its parts see it. */
export interface Scene extends Surroundings {
  readonly of: Case;
  readonly broker: InProcessBroker;
  readonly sagas: SagaDatabase;
  readonly ledger: Ledger;
  /** Replies that were published, for strays. */
  readonly pastReplies: Addressed[];
  /** What happened, in words; `undefined`: nobody wants to read it. */
  readonly lines: string[] | undefined;
  violate(id: string, text: string): void;
  /** How often something was tried, this time included. */
  countTry(name: string): number;
}
