import { z } from '@hono/zod-openapi';

const instant = z.iso.datetime();

/** What was done in the last hour, and where open sagas are. */
export const ActivitySchema = z
  .object({
    /** The daemon's clock. */
    at: instant,
    /** Whose work it is: that of all daemons, or, where they do not share what they did, of this one alone. */
    of: z.enum(['installation', 'daemon']),
    /** Everything since then is counted: an hour ago, or when this daemon began if it is of this one alone. */
    since: instant,
    /** Oldest first, without a gap; the last one is not over. */
    minutes: z.array(z.object({ at: instant, started: z.number(), completed: z.number(), compensated: z.number() })),
    /** How long sagas took that ended since, by name and end; right within 5 %. */
    durations: z.array(
      z.object({
        name: z.string(),
        outcome: z.enum(['completed', 'compensated']),
        count: z.number(),
        p50Ms: z.number(),
        p95Ms: z.number(),
        p99Ms: z.number(),
      }),
    ),
    /** Steps that are being worked on or are stuck, in the newest open sagas. */
    steps: z.object({
      /** How many sagas were looked at. */
      sagas: z.number(),
      /** False: there are more. */
      isAll: z.boolean(),
      counts: z.array(z.object({ name: z.string(), version: z.number(), step: z.string(), count: z.number() })),
    }),
  })
  .openapi('Activity');

/** Who is needed by the definitions that are loaded, and what waits for them at the broker. */
export const ParticipantsSchema = z
  .object({
    participants: z.array(
      z.object({
        name: z.string(),
        /** `<participant>.<command>`. */
        commands: z.array(z.string()),
        definitions: z.array(z.string()),
        queue: z.string(),
        /** Commands that wait; absent where the broker does not say. */
        depth: z.number().optional(),
        consumers: z.number().optional(),
      }),
    ),
    /** Replies that wait for a daemon; absent where the broker does not say. */
    replies: z.number().optional(),
    /** How many daemons consume replies. */
    daemons: z.number().optional(),
  })
  .openapi('Participants');

export type ActivityView = z.infer<typeof ActivitySchema>;
export type ParticipantsView = z.infer<typeof ParticipantsSchema>;
