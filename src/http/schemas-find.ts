import { z } from '@hono/zod-openapi';
import { cursor, instant, json, key, limit, name, phase, several, status, step, tags, text, version, whole } from './schemas.js';

const NUL = String.fromCharCode(0);
const code = text('the code', 200);
const tagPair = z.string().transform((pair, context): readonly [string, string] => {
  const separator = pair.includes('=') ? '=' : ':';
  const at = pair.indexOf(separator);
  if (at > 0 && !pair.includes(NUL)) return [pair.slice(0, at), pair.slice(at + 1)];
  context.addIssue({ code: 'custom', message: 'must be NAME=VALUE, or NAME:VALUE' });
  return z.NEVER;
});
/** `GET /sagas`. */
export const ListQuery = z.object({
  status: several(status).optional(),
  name: name.optional(),
  version: whole(1, 2_147_483_647).optional(),
  key: key.optional(),
  tag: several(tagPair).optional(),
  /** One of its current steps. */
  step: step.optional(),
  /** A participant that has not answered it. */
  waitingFor: name.optional(),
  error: code.optional(),
  startedBefore: instant.optional(),
  startedAfter: instant.optional(),
  limit: limit.default(50),
  cursor: cursor.optional(),
});
export type ListQuery = z.infer<typeof ListQuery>;

/** The same as the filter of what is done in bulk, which never is about what has ended. */
export const FilterSchema = z
  .strictObject({
    status: z.array(status.exclude(['completed', 'compensated'])).optional(),
    name: name.optional(),
    version: version.optional(),
    key: key.optional(),
    tags: tags.optional(),
    step: step.optional(),
    waitingFor: name.optional(),
    error: code.optional(),
    startedBefore: instant.optional(),
    startedAfter: instant.optional(),
    /** The `id` of a group of `GET /failures`. */
    failure: z
      .string()
      .regex(/^[0-9a-f]{16}$/, 'is not the id of a group of failures')
      .optional(),
  })
  .refine((filter) => Object.keys(filter).length > 0, 'must name at least one thing that the sagas have in common')
  .openapi('Filter');

export const FailuresQuery = z.object({ name: name.optional() });
export const FailuresSchema = z
  .object({
    groups: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        step: z.string(),
        phase,
        /** Of the last answer. */
        code: z.string().nullable(),
        /** The last answer, or what went wrong without one; what differs from saga to saga is written as `…`. */
        message: z.string(),
        count: z.number(),
        /** Since when the first of them is stuck. */
        oldestAt: instant,
        /** Some of them, newest first. */
        sagas: z.array(z.string()),
        /** Finds them: for `POST /bulk`. */
        filter: z.object({ status: z.array(z.literal('stuck')), name: z.string(), failure: z.string() }),
      }),
    ),
    /** Stuck sagas that were looked at. */
    sagas: z.number(),
    /** False: there are more, older ones, which are not counted. */
    complete: z.boolean(),
  })
  .openapi('Failures');
export type FailuresView = z.infer<typeof FailuresSchema>;

export const CancelPlanSchema = z
  .object({
    possible: z.boolean(),
    /** Why not. */
    why: z.string().optional(),
    /** What comes first, or may still change it, in sentences. */
    notes: z.array(z.string()),
    /** In the order in which they would be sent. */
    commands: z.array(
      z.object({
        /** From 1; equal ones are sent at the same time, or, where `open`, one of them is. */
        position: z.number(),
        step: z.string(),
        phase,
        participant: z.string(),
        command: z.string(),
        /** The outcome of its action; of a fence, `unknown`. */
        after: z.enum(['success', 'unknown']),
        /** The action is under way: this is what is sent if it ends so. If it is rejected, nothing is. */
        open: z.boolean(),
        /** Absent where it depends on a reply that is not there yet. */
        request: json.optional(),
        /** It cannot be built: the saga would be stuck here. */
        fault: z.string().optional(),
      }),
    ),
    /** Steps that took effect, or may have, and that nothing undoes. */
    kept: z.array(z.string()),
  })
  .openapi('CancelPlan');
export type CancelPlanView = z.infer<typeof CancelPlanSchema>;
