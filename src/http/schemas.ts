import { z } from '@hono/zod-openapi';
import { parseDuration } from '../core/duration.js';
import { ERROR_CODES, type ErrorCode } from '../core/errors.js';
import { LIMITS, utf8Bytes } from '../core/json.js';
import { STEP_NAME, WIRE_NAME } from '../core/plan.js';
import { STATUSES } from '../core/state.js';

/** The longest that one request may wait; who wants to wait longer asks again. */
export const LONGEST_WAIT_MS = 300_000;
/** The largest page of sagas or history. */
export const LARGEST_PAGE = 500;

const NUL = String.fromCharCode(0);
/** A text of at most so many bytes that can be kept. */
export const text = (what: string, most: number) =>
  z
    .string()
    .min(1, `${what} must not be empty`)
    .refine((value) => utf8Bytes(value) <= most, `${what} must have at most ${most} bytes`)
    .refine((value) => !value.includes(NUL), `${what} must not contain NUL`)
    .refine((value) => !/\p{Surrogate}/u.test(value), `${what} must be well-formed Unicode`);
export const name = z.string().regex(WIRE_NAME, 'must be letters, digits, - and _, begin with a letter and have at most 100');
export const version = z.number().int().min(1).max(2_147_483_647);
export const key = text('a key', LIMITS.nameBytes);
export const tags = z
  .record(text('the name of a tag', LIMITS.nameBytes), text('a tag', LIMITS.nameBytes))
  .refine((value) => Object.keys(value).length <= 32, 'at most 32 tags');
export const step = z.string().regex(STEP_NAME, 'is not the name of a step');
export const instant = z.iso.datetime();
export const json = z.unknown().openapi({ description: 'Any JSON' });
export const status = z.enum(STATUSES as readonly [(typeof STATUSES)[number], ...(typeof STATUSES)[number][]]);
export const code = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]);

/** `POST /sagas`. */
export const StartBody = z
  .strictObject({ name, version: version.optional(), key: key.optional(), input: json, tags: tags.optional() })
  .refine((body) => 'input' in body, { path: ['input'], message: 'is missing' })
  .openapi('Start');

/** What every operator's decision says: who (`api` if nobody is named) and why. */
export const decree = { by: text('by', LIMITS.nameBytes).default('api'), reason: text('the reason', 2_000) };
export const DecreeBody = z.strictObject(decree).openapi('Decree');
export const RetryBody = z
  .strictObject({ ...decree, step, request: json.optional(), confirm: z.literal('not-done').optional() })
  .openapi('Retry');
export const SettleBody = z
  .strictObject({
    ...decree,
    step,
    outcome: z.enum(['success', 'rejected']),
    reply: json.optional(),
    code: text('the code', 100).optional(),
  })
  .openapi('Settle');

export const SagaParams = z.object({
  id: z
    .string()
    .regex(/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, 'is not the id of a saga (a UUID)')
    .transform((id) => id.toLowerCase()),
});
const wait = z.string().transform((value, context) => {
  const ms = parseDuration(value);
  if (ms !== undefined && ms <= LONGEST_WAIT_MS) return ms;
  context.addIssue({ code: 'custom', message: "must be a duration of at most '5m', such as '30s'" });
  return z.NEVER;
});
export const whole = (least: number, most: number) => z.coerce.number(`must be a whole number`).int().min(least).max(most);
export const limit = whole(1, LARGEST_PAGE);
export const cursor = z.string().regex(/^[\w.:~=-]{1,200}$/, 'is not the cursor of a page');
export const SagaQuery = z.object({ wait: wait.optional() });
export const several = <T extends z.ZodType>(one: T) => z.preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(one));
export const OverviewQuery = z.object({ since: instant.optional(), limit: limit.default(10) });
export const HistoryQuery = z.object({ after: whole(0, Number.MAX_SAFE_INTEGER).default(0), limit: limit.default(LARGEST_PAGE) });
export const StartHeaders = z.object({
  'idempotency-key': text('the Idempotency-Key', LIMITS.nameBytes).optional(),
  /** W3C trace context; a malformed one is left out. */
  traceparent: z.string().optional(),
  tracestate: z.string().optional(),
});

export const phase = z.enum(['action', 'compensation', 'fence']);
export const StartedSchema = z
  .object({ id: z.string(), name: z.string(), version: z.number(), key: z.string().nullable(), status, created: z.boolean() })
  .openapi('Started');
const errorSchema = z.object({ code: z.string().optional(), message: z.string() });
const decreeSchema = z.object({ by: z.string(), reason: z.string(), at: instant });
const commandFields = {
  commandId: z.string().optional(),
  /** Tries so far. */
  attempts: z.number(),
  startedAt: instant.optional(),
  /** When the answer to the present attempt must be there. */
  timeoutAt: instant.optional(),
  /** When it is tried again. */
  retryAt: instant.optional(),
  request: json.optional(),
  error: errorSchema.optional(),
};
/** What a person may do with a step. */
const verb = z.enum(['retry', 'retry confirm=not-done', 'settle success', 'settle rejected']);
const CompensationSchema = z.object({
  ...commandFields,
  state: z.enum(['running', 'retrying', 'stuck', 'succeeded']),
  settledAt: instant.optional(),
  byHand: z.boolean().optional(),
});
export const StepSchema = z
  .object({
    name: z.string(),
    kind: z.string(),
    /** `<participant>.<command>`. */
    command: z.string().optional(),
    state: z.enum([
      'waiting',
      'running',
      'retrying',
      'confirming',
      'succeeded',
      'rejected',
      'unknown',
      'skipped',
      'dropped',
      'stuck',
      'compensating',
      'compensated',
      'not-reached',
    ]),
    ...commandFields,
    settledAt: instant.optional(),
    reply: json.optional(),
    compensation: CompensationSchema.optional(),
    /** What a person may do with it now; absent: nothing. */
    verbs: z.array(verb).optional(),
  })
  .openapi('Step');
export const StuckSchema = z.object({ step: z.string(), phase, sentence: z.string(), verbs: z.array(verb) });
const reasonSchema = z.object({
  kind: z.enum(['rejected', 'exhausted', 'deadline', 'cancelled']),
  step: z.string().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  details: json.optional(),
  by: z.string().optional(),
  text: z.string().optional(),
});
const summaryFields = {
  id: z.string(),
  name: z.string(),
  version: z.number(),
  key: z.string().nullable(),
  status,
  startedAt: instant,
  endedAt: instant.nullable(),
  /** Why it turned back. */
  reason: reasonSchema.nullable(),
  tags: z.record(z.string(), z.string()),
  /** Where it is: names of the steps that are being worked on or are stuck. */
  at: z.array(z.string()),
  attention: z.array(z.object({ kind: z.enum(['late-effect', 'conflict', 'by-hand']), step: z.string(), text: z.string(), at: instant })),
};
export const SummarySchema = z.object(summaryFields).openapi('SagaSummary');
export const SagaSchema = z
  .object({
    ...summaryFields,
    input: json,
    deadline: instant.nullable(),
    /** Which way it goes, also while it is suspended or stuck. */
    direction: z.enum(['forward', 'settling', 'backward']),
    suspended: decreeSchema.nullable(),
    pendingCancel: decreeSchema.nullable(),
    /** The trace that it is in; `url` where the daemon is told how to look at it (BACKSTEP_TRACE_URL) and it is recorded. */
    trace: z.object({ id: z.string(), url: z.string().optional() }).nullable(),
    /** False: its definition is not loaded, so steps that were not reached are unknown. */
    definitionLoaded: z.boolean(),
    steps: z.array(StepSchema),
    stuck: z.array(StuckSchema),
    /** What a person may do with the saga as a whole now. */
    verbs: z.array(z.enum(['cancel', 'suspend', 'resume'])),
  })
  .openapi('Saga');
export const PageSchema = z.object({ sagas: z.array(SummarySchema), cursor: z.string().optional() }).openapi('Page');
export const OperatedSchema = SagaSchema.extend({
  /** False for a cancel whose fate the pivot's outcome, not known yet, decides. */
  decided: z.boolean(),
}).openapi('Operated');
export const HistoryEntrySchema = z
  .object({
    seq: z.number(),
    at: instant,
    event: z.string(),
    step: z.string().optional(),
    phase: phase.optional(),
    execution: z.number().optional(),
    attempt: z.number().optional(),
    outcome: z.enum(['success', 'rejected', 'error']).optional(),
    code: z.string().optional(),
    message: z.string().optional(),
    by: z.string().optional(),
    /** How often it came, where repeats are counted and not written down again. */
    count: z.number().optional(),
    effects: z.array(z.record(z.string(), json)),
  })
  .openapi('HistoryEntry');
export const HistorySchema = z
  .object({ id: z.string(), entries: z.array(HistoryEntrySchema), next: z.number().optional() })
  .openapi('History');
/** Everything that is under way, counted. */
export const OverviewSchema = z
  .object({
    /** The database's clock, when it was counted. */
    at: instant,
    /** What is loaded and what is under way, by name and version. */
    definitions: z.array(
      z.object({
        name: z.string(),
        version: z.number(),
        loaded: z.boolean(),
        running: z.number(),
        compensating: z.number(),
        suspended: z.number(),
        stuck: z.number(),
        /** How many began after `since`; absent where nobody asked, or where that is too long ago. */
        started: z.number().optional(),
      }),
    ),
    /** Running or compensating, oldest first. */
    oldest: z.array(SummarySchema),
    /** Oldest first, with what is stuck and why. */
    stuck: z.array(SummarySchema.extend({ stuck: z.array(StuckSchema) })),
  })
  .openapi('Overview');
export const ProblemSchema = z
  .object({ type: z.string(), title: z.string(), status: z.number(), detail: z.string(), code, faults: z.array(z.string()).optional() })
  .openapi('Problem');

const retrySchema = z.object({ attempts: z.number(), initialMs: z.number(), factor: z.number(), maxMs: z.number() });
const commandSchema = z.object({
  participant: z.string(),
  command: z.string(),
  timeoutMs: z.number(),
  retry: retrySchema,
  rejections: z.array(z.string()),
  inbox: z.boolean(),
  idempotent: z.boolean(),
});
export const DefinitionStepSchema = z
  .object({
    name: z.string(),
    kind: z.string(),
    /** Steps that must be settled before, from `after` and `uses`. */
    needs: z.array(z.string()),
    /** Replies its functions read: argument → step. */
    uses: z.record(z.string(), z.string()),
    conditional: z.boolean(),
    action: commandSchema.optional(),
    compensation: commandSchema.optional(),
    /** Of a check: what it compensates with. */
    code: z.string().optional(),
  })
  .openapi('DefinitionStep');
export const DefinitionSchema = z
  .object({
    name: z.string(),
    version: z.number(),
    fingerprint: z.string(),
    deadlineMs: z.number().nullable(),
    compensationOrder: z.enum(['reverse', 'by-dependency']),
    /** How long sagas are kept after they have ended; `null`: for ever. */
    retention: z.object({ completedMs: z.number().nullable(), compensatedMs: z.number().nullable() }),
    steps: z.array(DefinitionStepSchema),
    edges: z.array(z.object({ from: z.string(), to: z.string() })),
  })
  .openapi('Definition');
export const DefinitionsSchema = z.object({ definitions: z.array(DefinitionSchema) });
export const DefinitionParams = z.object({ name });
export const DefinitionQuery = z.object({ version: whole(1, 2_147_483_647).optional() });

export type StartBody = z.infer<typeof StartBody>;
export type StartedView = z.infer<typeof StartedSchema>;
export type SagaView = z.infer<typeof SagaSchema>;
export type SummaryView = z.infer<typeof SummarySchema>;
export type StepView = z.infer<typeof StepSchema>;
export type CompensationView = z.infer<typeof CompensationSchema>;
export type StuckView = z.infer<typeof StuckSchema>;
export type PageView = z.infer<typeof PageSchema>;
export type OperatedView = z.infer<typeof OperatedSchema>;
export type OverviewView = z.infer<typeof OverviewSchema>;
export type HistoryEntryView = z.infer<typeof HistoryEntrySchema>;
export type HistoryView = z.infer<typeof HistorySchema>;
export type DefinitionView = z.infer<typeof DefinitionSchema>;
export type DefinitionStepView = z.infer<typeof DefinitionStepSchema>;
