/** Chance, for jitter of loops and reconnects. Never decides about sagas. */
export interface Random {
  /** At least 0, below 1. */
  next(): number;
}
