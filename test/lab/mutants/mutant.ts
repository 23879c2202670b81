/** A deliberate bug: what a careless hand might have written, as a change of the source. */
export interface Mutant {
  /**
   * `M1` to `M18` of the catalogue; `P1` to `P17` are the naive readings of the protocol, by the number of the trace that breaks each; `G…`
   * are about groups of commands.
   */
  readonly id: string;
  /** What is wrong, in one sentence. */
  readonly bug: string;
  readonly patches: readonly Patch[];
  readonly caughtBy: Catch;
}

/** Replaces a text that must occur exactly once, so that a patch cannot go stale unnoticed. */
export interface Patch {
  /** From the project's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** What has to fail on the mutated build. Whatever else fails does not count: a bug must be caught by the check that is there for it. */
export type Catch =
  /** At least one of these invariants is violated within so many seeds. */
  | { readonly by: 'simulator'; readonly seeds: number; readonly from?: number; readonly invariants: readonly string[] }
  /** At least one test fails in these files whose title contains the text. */
  | { readonly by: 'tests'; readonly files: readonly string[]; readonly title: string };
