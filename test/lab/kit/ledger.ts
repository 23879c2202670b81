// The one form of ledger that every workload's participants keep, and that the checker reads.

/** A row: one effect. */
export interface LedgerRow {
  /** From one sequence for all participants: an effect that waited for another has a higher number. */
  readonly seq: number;
  /** Milliseconds since 1970, by the database's clock. */
  readonly at: number;
  readonly participant: string;
  readonly sagaId: string;
  readonly step: string;
  readonly direction: 'action' | 'compensation';
  /** The command that wrote it. */
  readonly commandId: string;
  /** The action that it is or undoes. */
  readonly actionId: string;
  readonly attempt: number;
  /** Money or goods that moved to (positive) or from (negative) an account; empty where the workload moves nothing. */
  readonly account: string;
  readonly amount: number;
}

/** Where the sequence lives; participants' schemas are named after them. */
export const LEDGER_SEQUENCE = 'lab.ledger_seq';

/** Makes sequence and table where there are none. The table is made in the schema that the transaction's search path leads to. */
export const CREATE_LEDGER = [
  `create schema if not exists lab`,
  `create sequence if not exists ${LEDGER_SEQUENCE}`,
  `create table if not exists ledger (
     seq bigint primary key default nextval('${LEDGER_SEQUENCE}'),
     at timestamptz not null default clock_timestamp(),
     saga_id text not null,
     step text not null,
     direction text not null,
     command_id text not null,
     action_id text not null,
     attempt integer not null,
     account text not null default '',
     amount bigint not null default 0)`,
] as const;
