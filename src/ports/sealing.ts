import type { Sealing } from '../core/sealing.js';

/** Seals and opens what is sensitive in payloads. */
export interface PayloadSealing {
  readonly vaultFor: Sealing;
  /** A new key of a saga's own, sealed with the key in use: what is stored of it, and goes with its commands. */
  newOwnKey(sagaId: string): string;
  /**
   * Digests of a text with sensitive parts, one for each key, the one in use first: nobody without the key can find the text by trying.
   * The same text has the same digest as long as its key is there.
   */
  digests(text: string): readonly string[];
}
