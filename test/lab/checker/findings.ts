import type { InvariantResult } from '../kit/evidence.js';

const KEPT = 20;

/** What one invariant has found. */
export class Findings {
  checked = 0;
  count = 0;
  readonly kept: string[] = [];

  constructor(
    readonly id: string,
    readonly text: string,
  ) {}

  /** One more thing was looked at; `problem` says what is wrong with it, if anything is. */
  look(problem?: string | false): void {
    this.checked++;
    if (problem !== undefined && problem !== false) this.violate(problem);
  }
  violate(problem: string): void {
    this.count++;
    if (this.kept.length < KEPT) this.kept.push(problem);
  }
  /** Nothing was there to look at, although the run should have had some. */
  notVacuous(what: string): this {
    if (this.checked === 0) this.violate(`nothing was checked: the run has no ${what}`);
    return this;
  }
  result(): InvariantResult {
    const { id, text, checked, kept, count } = this;
    return { id, text, checked, violations: kept, violationCount: count };
  }
}
