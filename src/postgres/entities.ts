import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** The columns of an open and of a finished saga; the state is the truth, the others are what it is searched by. */
abstract class SagaColumns {
  @PrimaryColumn('uuid')
  id: string;
  @Column('text')
  name: string;
  /** Of the definition. */
  @Column('integer')
  version: number;
  @Column('text', { nullable: true })
  key: string | null;
  @Column('jsonb', { default: {} })
  tags: Record<string, string>;
  /** Derived from the state. */
  @Column('text')
  status: string;
  /** What of the state never changes, as JSON: written by the start. Null where the state has it too, as it did before. */
  @Column('text', { nullable: true })
  head: string | null;
  /** The rest, as JSON without what is unsaid, written and read by us alone: PostgreSQL need not parse it at every step. */
  @Column('text')
  state: string;
  /** Counts writes. */
  @Column('integer', { name: 'row_version' })
  rowVersion: number;
  /** Drawn anew for every batch of writes. */
  @Column('integer')
  stamp: number;
  @Column('timestamptz', { name: 'wake_at', nullable: true })
  wakeAt: Date | null;
  @Column('json', { nullable: true })
  parked: unknown;
  @Column('timestamptz', { name: 'started_at' })
  startedAt: Date;
  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt: Date | null;
}

/** An open saga, or one that has just ended. Partitioned by id. */
@Entity('saga')
@Check('saga_status_known', `status in ('running', 'compensating', 'completed', 'compensated', 'suspended', 'stuck')`)
@Check('saga_ended_iff_final', `(ended_at is not null) = (status in ('completed', 'compensated'))`)
@Check('saga_open_is_watched', `wake_at is not null or status not in ('running', 'compensating')`)
@Check('saga_final_sleeps', `ended_at is null or wake_at is null or parked is not null`)
@Index('saga_due', ['wakeAt'], { where: 'wake_at is not null' })
@Index('saga_final', ['id'], { where: 'ended_at is not null' })
@Index('saga_troubled', ['id'], { where: `status in ('suspended', 'stuck')` })
@Index('saga_tagged', ['tags'], { where: `tags <> '{}'`, type: 'gin' })
export class SagaRow extends SagaColumns {}

/** A saga that has ended, for good. Late replies are still recorded. Partitioned by id. */
@Entity('finished_saga')
@Check('finished_saga_is_final', `ended_at is not null and status in ('completed', 'compensated')`)
@Check('finished_saga_sleeps', `wake_at is null or parked is not null`)
@Index('finished_saga_due', ['wakeAt'], { where: 'wake_at is not null' })
@Index('finished_saga_name', ['name', 'id'])
@Index('finished_saga_version', ['name', 'version', 'id'])
// By the code that it turned back for, which is an expression: see the migration.
@Index('finished_saga_reason', { synchronize: false })
@Index('finished_saga_compensated', ['id'], { where: `status = 'compensated'` })
@Index('finished_saga_tagged', ['tags'], { where: `tags <> '{}'`, type: 'gin' })
export class FinishedSagaRow extends SagaColumns {}

/** One line of a saga's history; gapless, so the key proves it. Partitioned by saga id. */
@Entity('saga_history')
@Check('saga_history_from_one', 'seq >= 1')
@Index('saga_history_xid', ['xid'])
export class SagaHistoryRow {
  @PrimaryColumn('uuid', { name: 'saga_id' })
  sagaId: string;
  @PrimaryColumn('integer')
  seq: number;
  @Column('timestamptz')
  at: Date;
  @Column('text')
  event: string;
  @Column('text', { nullable: true })
  step: string | null;
  /** What else the entry says. */
  @Column('json')
  data: unknown;
  /** The transaction that wrote it. TypeORM compares defaults without their casts. */
  @Column('bigint', { default: () => '((pg_current_xact_id()))' })
  xid: string;
}

/** What a start is known by: its business key and its start id (message id, idempotency key). Kept as long as the saga. */
@Entity('saga_key')
// A BRIN index, which TypeORM does not know: see the migration.
@Index('saga_key_saga', { synchronize: false })
@Check('saga_key_kind_known', `kind in ('key', 'start')`)
export class SagaKeyRow {
  @PrimaryColumn('text')
  key: string;
  /** Of the definition. */
  @PrimaryColumn('text')
  name: string;
  @PrimaryColumn('text')
  kind: string;
  @Column('uuid', { name: 'saga_id' })
  sagaId: string;
  @Column('text', { name: 'input_hash' })
  inputHash: string;
}

/** A definition that a daemon has loaded. */
@Entity('definition')
@Check('definition_keeps', 'keep_completed_ms > 0 and keep_compensated_ms > 0')
export class DefinitionRow {
  @PrimaryColumn('text')
  name: string;
  @PrimaryColumn('integer')
  version: number;
  @Column('text')
  fingerprint: string;
  @Column('json')
  shape: string[];
  /** How long its sagas are kept once they are completed; `null`: for ever. */
  @Column('bigint', { name: 'keep_completed_ms', nullable: true })
  keepCompletedMs: string | null;
  /** Once they are compensated. */
  @Column('bigint', { name: 'keep_compensated_ms', nullable: true })
  keepCompensatedMs: string | null;
}

/** A message that could not be understood or trusted. */
@Entity('dead_letter')
@Check('dead_letter_encoding_known', `encoding in ('text', 'base64')`)
@Check('dead_letter_status_known', `status in ('waiting', 'replayed', 'discarded')`)
@Check('dead_letter_waits_unmarked', `(marked_at is null) = (status = 'waiting')`)
@Check('dead_letter_replayed', `status <> 'replayed' or replayed_at is not null`)
@Check('dead_letter_discarded', `(status = 'discarded') = (discarded_at is not null)`)
@Index('dead_letter_newest', ['at', 'id'])
@Index('dead_letter_waiting', ['at', 'id'], { where: `status = 'waiting'` })
@Index('dead_letter_marked', ['markedAt'], { where: 'marked_at is not null' })
export class DeadLetterRow {
  @PrimaryColumn('text')
  id: string;
  @Column('text')
  queue: string;
  @Column('text')
  reason: string;
  @Column('timestamptz')
  at: Date;
  @Column('text', { name: 'message_id' })
  messageId: string;
  @Column('text', { name: 'correlation_id' })
  correlationId: string;
  @Column('text')
  type: string;
  @Column('json')
  headers: Record<string, string | number>;
  @Column('text')
  body: string;
  @Column('text')
  encoding: string;
  @Column('integer')
  bytes: number;
  @Column('text')
  sha256: string;
  @Column('text', { name: 'content_type', default: 'application/json' })
  contentType: string;
  @Column('text', { name: 'reply_to', nullable: true })
  replyTo: string | null;
  @Column('text', { name: 'app_id', nullable: true })
  appId: string | null;
  /** By its sender's clock; milliseconds since 1970. */
  @Column('double precision', { name: 'sent_at', nullable: true })
  sentAt: number | null;
  /** Ids or headers could not be kept as they were. */
  @Column('boolean', { name: 'is_altered', default: false })
  isAltered: boolean;
  @Column('text', { default: 'waiting' })
  status: string;
  @Column('integer', { default: 0 })
  replays: number;
  @Column('timestamptz', { name: 'replayed_at', nullable: true })
  replayedAt: Date | null;
  @Column('text', { name: 'replayed_by', nullable: true })
  replayedBy: string | null;
  @Column('text', { name: 'replay_reason', nullable: true })
  replayReason: string | null;
  @Column('timestamptz', { name: 'discarded_at', nullable: true })
  discardedAt: Date | null;
  @Column('text', { name: 'discarded_by', nullable: true })
  discardedBy: string | null;
  @Column('text', { name: 'discard_reason', nullable: true })
  discardReason: string | null;
  /** When it got its present status, unless it waits. */
  @Column('timestamptz', { name: 'marked_at', nullable: true })
  markedAt: Date | null;
}

/** A start that a client wrote down within a transaction of its own; goes as its saga begins. */
@Entity('incoming_start')
export class IncomingStartRow {
  /** Of the saga that is to be. */
  @PrimaryColumn('uuid')
  id: string;
  @Column('text')
  name: string;
  /** `null`: the newest one loaded. */
  @Column('integer', { nullable: true })
  version: number | null;
  @Column('text', { nullable: true })
  key: string | null;
  @Column('json', { default: {} })
  tags: Record<string, string>;
  /** JSON text as it was given: the hash of an input must not depend on what a column type makes of it. */
  @Column('text')
  input: string;
  @Column('text', { nullable: true })
  traceparent: string | null;
  @Column('timestamptz', { name: 'created_at', default: () => 'clock_timestamp()' })
  createdAt: Date;
  @Column('text', { nullable: true })
  tracestate: string | null;
}

/** A saga's own key, sealed. Without it nothing that is sealed in the saga can ever be read. */
@Entity('payload_key')
@Index('payload_key_subject', ['subject'])
export class PayloadKeyRow {
  @PrimaryColumn('uuid', { name: 'saga_id' })
  sagaId: string;
  /** Whose data it seals. */
  @Column('text')
  subject: string;
  @Column('text')
  key: string;
}

export const ENTITIES = [
  SagaRow,
  FinishedSagaRow,
  SagaHistoryRow,
  SagaKeyRow,
  DefinitionRow,
  DeadLetterRow,
  IncomingStartRow,
  PayloadKeyRow,
] as const;
