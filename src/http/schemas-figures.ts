import { z } from '@hono/zod-openapi';

const triesSchema = z.object({
  /** Tries of the command, retries among them. */
  tries: z.number(),
  /** Those that came to nothing: an error, or no answer in time. A rejection is an answer. */
  errors: z.number(),
  /** Errors among tries, from 0 to 1; null where there were none. */
  errorRate: z.number().nullable(),
});
const stepSchema = z.object({
  name: z.string(),
  /** How often its action was carried out, however it came out. */
  settled: z.number(),
  rejected: z.number(),
  /** Given up without an answer that can be used. */
  unknown: z.number(),
  /** Rejected or given up, of those that settled, from 0 to 1; null where none did. */
  failureRate: z.number().nullable(),
  /** From the first send to the outcome, with retries and their pauses; null where none settled. */
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  action: triesSchema,
  compensation: triesSchema,
});

/** How the newest finished sagas of what is loaded went. */
export const FiguresSchema = z
  .object({
    /** When it was read; an answer serves for up to a minute. */
    at: z.iso.datetime(),
    /** The newest so many finished sagas of each version are looked at. */
    of: z.number(),
    definitions: z.array(
      z.object({
        name: z.string(),
        version: z.number(),
        /** How many were looked at. */
        sagas: z.number(),
        /** In declaration order. */
        steps: z.array(stepSchema),
      }),
    ),
    /** Of those definitions, by name: actions and compensations together. */
    participants: z.array(triesSchema.extend({ name: z.string(), rejected: z.number() })),
  })
  .openapi('Figures');

export type FiguresView = z.infer<typeof FiguresSchema>;
