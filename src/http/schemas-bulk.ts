import { z } from '@hono/zod-openapi';
import { FilterSchema } from './schemas-find.js';
import { code, decree, json, status, step, text } from './schemas.js';

export const BULK_VERBS = ['cancel', 'suspend', 'resume', 'retry', 'settle'] as const;

/** `POST /bulk`. */
export const BulkBody = z
  .strictObject({
    ...decree,
    verb: z.enum(BULK_VERBS),
    filter: FilterSchema,
    /** What `retry` and `settle` are about; by default what is stuck. */
    step: step.optional(),
    confirm: z.literal('not-done').optional(),
    outcome: z.enum(['success', 'rejected']).optional(),
    reply: json.optional(),
    code: text('the code', 100).optional(),
    dryRun: z.boolean().default(false),
    /** At most so many sagas, newest first. */
    limit: z.number().int().min(1).max(1_000_000).optional(),
  })
  .superRefine((body, context) => {
    const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message });
    const isAbout = (...verbs: readonly string[]) => verbs.includes(body.verb);
    if (body.step !== undefined && !isAbout('retry', 'settle')) refuse('step', `is nothing that ${body.verb} asks for`);
    if (body.confirm !== undefined && !isAbout('retry')) refuse('confirm', `is nothing that ${body.verb} asks for`);
    for (const field of ['outcome', 'reply', 'code'] as const)
      if (body[field] !== undefined && !isAbout('settle')) refuse(field, `is nothing that ${body.verb} asks for`);
    if (isAbout('settle') && body.outcome === undefined) refuse('outcome', 'is missing');
    if (isAbout('settle') && body.step === undefined && body.filter.failure === undefined)
      refuse('step', 'is missing: settle is about one step, or about a failure of the filter');
  })
  .openapi('Bulk');
export type BulkBody = z.input<typeof BulkBody>;

export const ForecastSchema = z
  .object({
    /** Sagas that the filter finds. */
    matched: z.number(),
    allowed: z.number(),
    refused: z.array(z.object({ why: z.string(), count: z.number() })),
    /** Some of those for which it is allowed. */
    sample: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        key: z.string().nullable(),
        status,
        /** Its status at once after it. */
        becomes: status,
        /** Commands that it would send at once. */
        sends: z.array(z.string()),
      }),
    ),
  })
  .openapi('Forecast');
export type ForecastView = z.infer<typeof ForecastSchema>;

/** A line for each saga, and a last one that sums up. `problem`: the rest could not be looked for. */
export const BulkLineSchema = z.union([
  z.object({
    id: z.string(),
    done: z.boolean(),
    status: status.optional(),
    /** Only of a cancel, and then false: the outcome of the pivot, not known yet, decides. */
    decided: z.literal(false).optional(),
    code: code.optional(),
    detail: z.string().optional(),
  }),
  z.object({
    summary: z.object({ matched: z.number(), done: z.number(), refused: z.number() }),
    /** True: the server stops, and there may be more. */
    stopped: z.literal(true).optional(),
    problem: z.object({ code, detail: z.string() }).optional(),
  }),
]);
export type BulkLine = z.infer<typeof BulkLineSchema>;
