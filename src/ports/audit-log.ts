import type { AuditFacts, AuditHead, AuditRow } from '../core/audit.js';

export interface AuditQuery {
  /** Upwards from the row after this one; without it the newest first. */
  readonly after?: number;
  /** Newest first, below this row. */
  readonly before?: number;
  /** Of this target only. */
  readonly target?: string;
  readonly limit: number;
}
export interface AuditPage {
  readonly rows: readonly AuditRow[];
  readonly head: AuditHead;
}

/** What people did: rows that are only ever added, each chained to the one before by its hash. */
export interface AuditLog {
  /** Adds a row, one after the other however many processes do it. Throws SAGA_UNAVAILABLE; then nobody knows whether it is there. */
  append(facts: AuditFacts): Promise<AuditRow>;
  read(query: AuditQuery): Promise<AuditPage>;
}
