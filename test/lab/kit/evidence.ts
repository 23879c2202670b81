// What a run on real processes leaves behind, and what the checker makes of it.

/** `manifest.json`: what was run. Written at the beginning and again, with `healedAt`, when the faults were over. */
export interface Manifest {
  readonly experiment: string;
  readonly seed: number;
  /** ISO 8601. */
  readonly startedAt: string;
  /** When the last fault was over and everything ran again: from here on all sagas have to end within `endWithinMs`. */
  readonly healedAt?: string;
  readonly endWithinMs: number;
  /** Daemons that answer now. */
  readonly api: readonly string[];
  readonly namespace: string;
  readonly brokerUrl: string;
  /** Where the ledgers are: every participant's, each in a schema of its own. */
  readonly ledgerUrl: string;
  readonly participants: readonly string[];
  /** Queues whose counts have to be 0 in the end. */
  readonly queues: readonly string[];
  /** The same, but need not be there. */
  readonly perhapsQueues?: readonly string[];
  readonly deadLetterQueue: string;
  /** Starts, by key, that are expected to end stuck. Everything else has to be final. */
  readonly expectedStuck: readonly string[];
  /** Messages that were injected and have to be among the dead letters. */
  readonly injectedRubbish: number;
  /** Non-vacuity: counters that have to be above 0 in this run; see `Report.counters`. */
  readonly wanted: readonly string[];
  /** The engine's own database. Where it is given, V11 to V13 look at what the API does not show: parked events, dead letters, claims. */
  readonly storeUrl?: string;
}

/** `client.jsonl`. `at` is in milliseconds since 1970 by the generator's clock. */
export type ClientLine =
  | {
      readonly op: 'invoke';
      readonly at: number;
      readonly n: number;
      readonly name: string;
      /** Unique per start; a start that is asked again has the same. The saga carries it as the tag `start` too. */
      readonly key: string;
      /** As the business key (default), as an `Idempotency-Key` without one, or as a line of `/sagas/many`. */
      readonly by?: 'key' | 'header' | 'many';
      readonly input: unknown;
    }
  /** Answered 2xx. */
  | { readonly op: 'ok'; readonly at: number; readonly n: number; readonly id: string; readonly created: boolean }
  /** Refused for sure (4xx). */
  | { readonly op: 'fail'; readonly at: number; readonly n: number; readonly error: string }
  /** No answer, or one that says nobody knows: it may or may not have started. */
  | { readonly op: 'unknown'; readonly at: number; readonly n: number; readonly error: string };

/** `nemesis.jsonl`: one line when a fault begins, one when it is over. */
export interface NemesisLine {
  readonly at: number;
  readonly fault: number;
  readonly what: 'begin' | 'end';
  /** E.g. `kill-daemon`, `swallow-commit-answer`. */
  readonly kind: string;
  /** Rows of the catalogue that it exercises, e.g. `['A4', 'D12']`. */
  readonly rows: readonly string[];
  readonly detail?: unknown;
}

/** `bank.jsonl`: sums over all accounts of the bank workload in one consistent snapshot. Written by `kit/bank-watch.ts`. */
export interface BankLine {
  readonly at: number;
  /** Balances, holds and what is on its way. */
  readonly total: number;
  readonly held: number;
  /** What has left one bank and has not arrived at the other. */
  readonly transit: number;
  /** Accounts of which something is below zero. */
  readonly negative: readonly string[];
}
/** `resources.jsonl`: what a process (or the database) uses, now and then. Written by `kit/resources.ts`. */
export interface ResourceLine {
  readonly at: number;
  readonly process: string;
  /** A name of the measure, e.g. `rssMiB`, `fds`, `connections`, `deadRows`. */
  readonly [measure: string]: number | string;
}
/** `decisions.jsonl`: what an operator has asked for, and what was answered. Written by `kit/operators.ts`. */
export interface DecisionLine {
  readonly at: number;
  readonly saga: string;
  readonly verb: string;
  /** Absent: there was no answer, and nobody knows. */
  readonly status?: number;
  /** As the answer named it; absent: whoever asked was not let in. */
  readonly requestId?: string;
  readonly error?: string;
}
/** `tail.jsonl`: a start after the faults were over, and how long it took to its end. Written by `checker/tail.ts`. */
export interface TailLine {
  readonly at: number;
  readonly daemon: string;
  readonly key: string;
  readonly id?: string;
  /** From the start's request to its end; absent: it did not end in time. */
  readonly ms?: number;
  readonly error?: string;
}

/** `report.json`: the checker's verdict. */
export interface Report {
  readonly experiment: string;
  readonly seed: number;
  readonly ok: boolean;
  readonly invariants: readonly InvariantResult[];
  /** Non-vacuity: how often what had to happen did happen. */
  readonly counters: Readonly<Record<string, number>>;
  readonly ends: Readonly<Record<string, number>>;
  readonly sagas: number;
}
export interface InvariantResult {
  /** `V1` to `V23`, as in the catalogue. */
  readonly id: string;
  readonly text: string;
  /** How many things were looked at; 0 is a vacuous pass and counts as a violation where the run should have had some. */
  readonly checked: number;
  /** At most 20 are kept, with enough to find the saga. */
  readonly violations: readonly string[];
  readonly violationCount: number;
}
