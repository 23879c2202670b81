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
export type { FiguresView } from '../../http/schemas-figures.js';
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
  /** What comes first, or may still change it. */
  readonly notes?: readonly string[];
  /** In the order in which they would be sent; `open`: only if the action that is under way ends so. */
  readonly commands: readonly {
    readonly step: string;
    readonly phase?: string;
    readonly participant: string;
    readonly command: string;
    readonly after: string;
    readonly open?: boolean;
    readonly fault?: string;
  }[];
  /** Steps that nothing undoes. */
  readonly kept?: readonly string[];
}
/** `GET /failures`. */
export interface FailuresView {
  readonly groups: readonly FailureGroup[];
}
export interface FailureGroup {
  readonly id: string;
  readonly name: string;
  readonly step: string;
  readonly phase: string;
  readonly code: string | null;
  readonly message: string;
  readonly count: number;
  readonly oldestAt: string;
  readonly sagas: readonly string[];
  /** Finds them: for `POST /bulk`. */
  readonly filter: Readonly<Record<string, unknown>>;
}
/** `POST /bulk` with `dryRun`. */
export interface BulkPlanView {
  readonly matched: number;
  readonly allowed: number;
  readonly refused: readonly { readonly why: string; readonly count: number }[];
  readonly sample: readonly {
    readonly id: string;
    readonly name: string;
    readonly key: string | null;
    readonly status: string;
    readonly becomes: string;
    readonly sends: readonly string[];
  }[];
}
/** A line of `POST /bulk`. */
export interface BulkLine {
  readonly id?: string;
  readonly done?: boolean;
  readonly status?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly summary?: { readonly matched: number; readonly done: number; readonly refused: number };
  /** Of the last line: the rest could not be looked for. */
  readonly problem?: { readonly code: string; readonly detail: string };
}
interface Mark {
  readonly by: string;
  readonly reason: string;
  readonly at: string;
}
/** `GET /dead-letters`; one of them alone has its body too. */
export interface DeadLetterView {
  readonly id: string;
  readonly status: string;
  readonly queue: string;
  readonly reason: string;
  readonly at: string;
  readonly messageId: string;
  readonly correlationId: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly bytes: number;
  readonly sha256: string;
  /** Only the beginning of the body was kept. */
  readonly cut: boolean;
  readonly replayable: boolean;
  readonly whyNot?: string;
  readonly replays: number;
  readonly replayed: Mark | null;
  readonly discarded: Mark | null;
  readonly body?: string;
  readonly encoding?: 'text' | 'base64';
}
export interface DeadLettersView {
  readonly deadLetters: readonly DeadLetterView[];
  readonly cursor?: string;
}
