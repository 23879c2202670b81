import { pathToFileURL } from 'node:url';
import type { AskParticipant } from './demo-stage.js';

/** An order as far as the demo looks into it. */
export interface DemoOrder {
  readonly orderId: string;
}
/** Something that must not be. */
export interface Violation {
  readonly orderId: string;
  readonly text: string;
}
/** What the demo needs of the example's own `proof.ts`. */
export interface Proof {
  readonly readEvidence: (ask: AskParticipant) => Promise<unknown>;
  readonly prove: (ends: readonly { readonly order: DemoOrder; readonly status: string }[], evidence: unknown) => readonly Violation[];
}

/** Loads the proof of the example: like its sagas it is found at run time, because nothing in here knows the examples. */
export async function loadProof(directory: string): Promise<Proof> {
  return (await import(pathToFileURL(`${directory}/proof.js`).href)) as Proof;
}
