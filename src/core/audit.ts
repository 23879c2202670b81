/** A saga before or after somebody's decision. */
export interface AuditedState {
  readonly status: string;
  /** Counts changes of the saga. */
  readonly seq: number;
}

/** One record of what a person did through the API, or tried to. */
export interface AuditFacts {
  /** Joins the two records of one request. */
  readonly requestId: string;
  /**
   * `asked`: written before anything is done; without this record nothing happens. Then one of `done`, `noted` (decided later), `refused` (the
   * request or the state did not allow it) and `failed` (what became of it has to be looked up).
   */
  readonly stage: 'asked' | 'done' | 'noted' | 'refused' | 'failed';
  readonly verb: string;
  /** What it is about: `saga:<id>`, or the path of the request. */
  readonly target: string;
  readonly who: string;
  readonly role: string;
  /** How it is known who it was; `off`: the caller said so. */
  readonly auth: string;
  readonly tokenId: string | null;
  readonly reason: string | null;
  /** What else was asked for, without payloads. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly before: AuditedState | null;
  readonly after: AuditedState | null;
  /** The error that it was refused or failed with. */
  readonly code: string | null;
}

/** A record in its chain. */
export interface AuditRow {
  /** Gapless, from 1. */
  readonly seq: number;
  /** The hash of the row before; {@link NO_HASH} before the first. */
  readonly previous: string;
  /** SHA-256 in hex, of `previous`, a line end and `content`. */
  readonly hash: string;
  /** What is hashed: the record as JSON, with its number and instant. */
  readonly content: string;
}

/** Where a chain ends. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

export const NO_HASH = '0'.repeat(64);
export const EMPTY_CHAIN: AuditHead = { seq: 0, hash: NO_HASH };

type Hash = (text: string) => string;

/** The row that comes after `head`. `at`: milliseconds since 1970, by the store's clock. */
export function nextRow(head: AuditHead, facts: AuditFacts, at: number, hash: Hash): AuditRow {
  const seq = head.seq + 1;
  const content = JSON.stringify({ seq, at, ...facts });
  return { seq, previous: head.hash, hash: hash(chained(head.hash, content)), content };
}

function chained(previous: string, content: string): string {
  return `${previous}\n${content}`;
}

/** The record in a row. Never throws: a row may have been tampered with. */
export function readContent({
  content,
}: Pick<AuditRow, 'content'>): (Partial<AuditFacts> & { readonly seq?: number; readonly at?: number }) | undefined {
  try {
    const value: unknown = JSON.parse(content);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The first thing that does not fit. */
export interface ChainFault {
  readonly seq: number;
  readonly why: string;
}

/** Follows a chain row by row; holds only where it is and which requests have no outcome yet. */
export class ChainCheck {
  private at: AuditHead = EMPTY_CHAIN;
  private readonly asked = new Map<string, number>();

  constructor(private readonly hash: Hash) {}

  /** How far it fits. */
  get head(): AuditHead {
    return this.at;
  }

  /** Requests without an outcome: under way, or the daemon died meanwhile. By the number of their row. */
  get unanswered(): readonly number[] {
    return [...this.asked.values()];
  }

  /** Takes the next row, or says what is wrong with it. */
  add(row: AuditRow): ChainFault | undefined {
    const wanted = this.at.seq + 1;
    if (row.seq !== wanted) return { seq: wanted, why: `row ${wanted} is missing: the next one is ${row.seq}` };
    if (row.previous !== this.at.hash)
      return { seq: wanted, why: `row ${wanted} does not follow row ${this.at.seq}: it names another hash before it` };
    if (row.hash !== this.hash(chained(row.previous, row.content)))
      return { seq: wanted, why: `row ${wanted} was changed: its content does not have its hash` };
    const facts = readContent(row);
    if (facts?.seq !== wanted) return { seq: wanted, why: `row ${wanted} has the content of another one` };
    if (facts.requestId !== undefined) {
      if (facts.stage === 'asked') this.asked.set(facts.requestId, wanted);
      else this.asked.delete(facts.requestId);
    }
    this.at = { seq: row.seq, hash: row.hash };
    return undefined;
  }

  /** What is wrong with the end, as the store gives it: rows that were cut off, or a chain that was written anew. */
  end(head: AuditHead): ChainFault | undefined {
    if (head.seq > this.at.seq) return { seq: this.at.seq + 1, why: `row ${this.at.seq + 1} is missing: the chain ends at ${head.seq}` };
    if (head.seq < this.at.seq)
      return { seq: head.seq + 1, why: `row ${head.seq + 1} is beyond the end of the chain, which is ${head.seq}` };
    if (head.hash !== this.at.hash) return { seq: head.seq, why: `row ${head.seq} is not the one that the chain ends with` };
    return undefined;
  }
}
