/** What the API answers, as far as the pages read it. */
export type {
  DefinitionView,
  DefinitionStepView,
  HistoryEntryView,
  HistoryView,
  OperatedView,
  OverviewView,
  PageView,
  SagaView,
  StepView,
  StuckView,
  SummaryView,
} from '../../http/schemas.js';
export type { ActivityView, ParticipantsView } from '../../http/schemas-activity.js';

/** `GET /me`. */
export interface MeView {
  readonly auth: 'off' | 'token' | 'oidc';
  readonly name: string;
  readonly role: 'read' | 'operate' | 'admin';
  readonly definitions?: readonly string[];
}
/** `GET /sagas/{id}/cancel-plan`. */
export interface CancelPlanView {
  readonly possible: boolean;
  readonly why?: string;
  readonly commands: readonly { readonly step: string; readonly participant: string; readonly command: string; readonly after: string }[];
}
/** `GET /failures`. */
export interface FailuresView {
  readonly groups: readonly FailureGroup[];
}
export interface FailureGroup {
  readonly name: string;
  readonly step: string;
  readonly phase: string;
  readonly code?: string | null;
  readonly message: string;
  readonly count: number;
  readonly oldestAt: string;
  readonly sagas: readonly string[];
}
/** `POST /bulk` with `dryRun`. */
export interface BulkPlanView {
  readonly matched: number;
  readonly allowed: number;
  readonly refused: readonly { readonly why: string; readonly count: number }[];
}
/** A line of `POST /bulk`. */
export interface BulkLine {
  readonly id?: string;
  readonly done?: boolean;
  readonly status?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly summary?: { readonly matched: number; readonly done: number; readonly refused: number };
}
export interface DeadLetterView {
  readonly id: string;
  readonly queue: string;
  readonly reason: string;
  readonly at: string;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string;
  readonly encoding?: 'text' | 'base64';
  readonly bytes?: number;
  readonly sha256?: string;
}
export interface DeadLettersView {
  readonly deadLetters: readonly DeadLetterView[];
  readonly cursor?: string;
}
