import type { Sealing } from '../core/sealing.js';

/** Seals and opens what is sensitive in payloads. */
export interface PayloadSealing {
  readonly vaultFor: Sealing;
  /**
   * Digests of a text with sensitive parts, one for each key, the one in use first: nobody without the key can find the text by trying.
   * The same text has the same digest as long as its key is there.
   */
  digests(text: string): readonly string[];
}
