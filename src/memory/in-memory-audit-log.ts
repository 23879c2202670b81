import { EMPTY_CHAIN, nextRow, readContent, type AuditFacts, type AuditRow } from '../core/audit.js';
import type { AuditLog, AuditPage, AuditQuery } from '../ports/audit-log.js';
import type { Clock } from '../ports/clock.js';

/** An audit that is gone with its process. */
export class InMemoryAuditLog implements AuditLog {
  private readonly rows: AuditRow[] = [];

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    /** SHA-256 in hex. */
    private readonly hash: (text: string) => string,
  ) {}

  append(facts: AuditFacts): Promise<AuditRow> {
    const row = nextRow(this.rows.at(-1) ?? EMPTY_CHAIN, facts, this.clock.now(), this.hash);
    this.rows.push(row);
    return Promise.resolve(row);
  }

  read({ after, before, target, limit }: AuditQuery): Promise<AuditPage> {
    const wanted = this.rows.filter(
      (row) =>
        (after === undefined || row.seq > after) &&
        (before === undefined || row.seq < before) &&
        (target === undefined || readContent(row)?.target === target),
    );
    const rows = (after === undefined ? wanted.toReversed() : wanted).slice(0, limit);
    const { seq, hash } = this.rows.at(-1) ?? EMPTY_CHAIN;
    return Promise.resolve({ rows, head: { seq, hash } });
  }
}
