import { z } from '@hono/zod-openapi';
import { LETTER_STATUSES } from '../ports/dead-letters.js';
import { cursor, instant, limit, several, text } from './schemas.js';

const status = z.enum(LETTER_STATUSES);
/** A reason has at most as many. */
const LONGEST_PART = 1_000;

export const DeadLetterParams = z.object({ id: z.string().regex(/^[\w-]{1,64}$/, 'is not the id of a dead letter') });
export const DeadLettersQuery = z.object({
  status: several(status).optional().openapi({ description: 'May be repeated; those that wait where it is left out' }),
  queue: text('a queue', 255).optional(),
  reason: text('a reason', LONGEST_PART).optional().openapi({ description: 'A part of the reason' }),
  limit: limit.default(50),
  cursor: cursor.optional(),
});

const mark = z.object({ by: z.string(), reason: z.string(), at: instant });
const summaryFields = {
  id: z.string(),
  /** `waiting` for a person; `replayed` or `discarded` by one. */
  status,
  queue: z.string().openapi({ description: 'Where it came from; empty where nobody knows' }),
  reason: z.string(),
  at: instant.openapi({ description: 'When it was put aside, by the clock of whoever did' }),
  messageId: z.string(),
  correlationId: z.string(),
  type: z.string(),
  contentType: z.string(),
  replyTo: z.string().nullable(),
  appId: z.string().nullable(),
  headers: z.record(z.string(), z.union([z.string(), z.number()])),
  bytes: z.number().openapi({ description: 'Of the whole body' }),
  sha256: z.string().openapi({ description: 'Of the whole body' }),
  /** Only the beginning of the body was kept. */
  cut: z.boolean(),
  /** False: it is not known any more as it was; `whyNot` says why. */
  replayable: z.boolean(),
  whyNot: z.string().optional(),
  replays: z.number().openapi({ description: 'How often it was put back into its queue' }),
  replayed: mark.nullable().openapi({ description: 'The latest replay' }),
  discarded: mark.nullable(),
};
export const DeadLetterSummarySchema = z.object(summaryFields).openapi('DeadLetterSummary');
export const DeadLetterSchema = z
  .object({ ...summaryFields, encoding: z.enum(['text', 'base64']), body: z.string().openapi({ description: 'At most 256 KiB of it' }) })
  .openapi('DeadLetter');
export const DeadLettersSchema = z
  .object({ deadLetters: z.array(DeadLetterSummarySchema), cursor: z.string().optional() })
  .openapi('DeadLetters');

export type DeadLetterSummaryView = z.infer<typeof DeadLetterSummarySchema>;
export type DeadLetterView = z.infer<typeof DeadLetterSchema>;
export type DeadLettersView = z.infer<typeof DeadLettersSchema>;
