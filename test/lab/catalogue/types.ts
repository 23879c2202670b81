/** How a fault is run: `C` in CI, `F` in the long run only, `CF` in both. */
export type Run = 'C' | 'F' | 'CF';

/** One way in which things go wrong. */
export interface Fault {
  /** A letter for the group and a number: `A4`. */
  readonly id: string;
  readonly fault: string;
  /** What holds in Backstep. */
  readonly expected: string;
  /** Where that is not what such a list usually asks for: why. */
  readonly deviation?: string;
  readonly run: Run;
  /** What has to be built before it can be tested; a row without it is in scope now. */
  readonly waitsFor?: string;
  /** A part of a row in scope that waits, and for what. */
  readonly partWaits?: string;
}

export interface Group {
  readonly letter: string;
  readonly title: string;
  readonly faults: readonly Fault[];
}

/** What the checker asserts after every run. */
export interface Invariant {
  /** `V1`. */
  readonly id: string;
  readonly text: string;
  /** What the checker reads it from. */
  readonly from: string;
  readonly waitsFor?: string;
}

/** A deliberate bug that the laboratory has to notice. */
export interface Mutant {
  /** `M1`. */
  readonly id: string;
  readonly text: string;
  readonly waitsFor?: string;
}
