import type { HistoryEntryView, SagaView, SummaryView } from '../http/schemas.js';

/** Asks a participant's own database. */
export type AskParticipant = (participant: string, sql: string) => Promise<readonly Record<string, unknown>[]>;

/** A place where sagas run for the demo: everything in this process, or separate processes over real servers. */
export interface DemoStage {
  /** What it is made of, for people. */
  readonly what: string;
  /** Of its API and dashboard. */
  readonly url: string;
  /**
   * Starts a saga for each input and waits until none is under way any more, or nothing has moved for a long time. `progress` is told how
   * many have ended so far.
   */
  run(name: string, inputs: readonly unknown[], progress: (ended: number) => void): Promise<void>;
  /** All sagas, as lists show them. */
  sagas(): Promise<readonly SummaryView[]>;
  show(id: string): Promise<{ readonly saga: SagaView; readonly history: readonly HistoryEntryView[] }>;
  readonly ask: AskParticipant;
  /** Stops everything and leaves nothing behind. */
  close(): Promise<void>;
}
