import { createRoute } from '@hono/zod-openapi';
import type { ActivityReading } from '../../engine/activity.js';
import type { QueueReading } from '../../engine/queue-reading.js';
import type { HttpApp, HttpContext } from '../context.js';
import { OpenStepsReading } from '../open-steps.js';
import * as schema from '../schemas-activity.js';
import { iso } from '../time.js';
import { answer, refusals } from './answers.js';

const activity = createRoute({
  method: 'get',
  path: '/api/v1/activity',
  summary: 'What was started and ended in the last hour, how long it took, and where open sagas are',
  responses: { 200: answer(schema.ActivitySchema, 'As it is now'), ...refusals },
});
const participants = createRoute({
  method: 'get',
  path: '/api/v1/participants',
  summary: 'Who is needed by the definitions that are loaded, and what waits for them at the broker',
  responses: { 200: answer(schema.ParticipantsSchema, 'As it is now'), ...refusals },
});

/** What the overview of a dashboard needs beyond counts. */
export function addActivityRoute(app: HttpApp, { store }: HttpContext, { of, read }: NonNullable<HttpContext['activity']>): void {
  const steps = new OpenStepsReading(store);
  app.openapi(activity, async (c) => {
    const now = Date.now();
    const { since, minutes, durations }: ActivityReading = await read(now);
    return c.json(
      {
        at: iso(now),
        of,
        since: iso(since),
        minutes: minutes.map((minute) => ({ ...minute, at: iso(minute.at) })),
        durations: [...durations],
        steps: await steps.read(),
      },
      200,
    );
  });
}

/** Who works for the sagas. */
export function addParticipantsRoute(app: HttpApp, read: () => Promise<QueueReading>): void {
  app.openapi(participants, async (c) => {
    const { participants: found, replies } = await read();
    return c.json(
      {
        participants: found.map(({ seen, commands, definitions, ...one }) => ({
          ...one,
          commands: [...commands],
          definitions: [...definitions],
          ...seen,
        })),
        ...(replies ? { replies: replies.depth, daemons: replies.consumers } : {}),
      },
      200,
    );
  });
}
