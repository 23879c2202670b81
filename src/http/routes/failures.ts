import { createRoute } from '@hono/zod-openapi';
import { PHASE_NAMES } from '../../core/state.js';
import { failureGroups } from '../../engine/failure-groups.js';
import type { HttpApp, HttpContext } from '../context.js';
import { present } from '../saga-filter.js';
import * as schema from '../schemas-find.js';
import { iso } from '../time.js';
import { answer, refusals } from './answers.js';

const failures = createRoute({
  method: 'get',
  path: '/api/v1/failures',
  summary: 'What stuck sagas are stuck for, grouped, most frequent first',
  request: { query: schema.FailuresQuery },
  responses: { 200: answer(schema.FailuresSchema, 'As it is now'), ...refusals },
});

/** What is wrong, in as few lines as possible, each with a filter to act on. */
export function addFailuresRoute(app: HttpApp, { store }: HttpContext): void {
  app.openapi(failures, async (c) => {
    const { groups, sagas, isComplete } = await failureGroups(store, present(c.req.valid('query')));
    const views = groups.map(({ phase, oldestAt, sagas: some, ...group }) => ({
      ...group,
      phase: PHASE_NAMES[phase],
      oldestAt: iso(oldestAt),
      sagas: [...some],
      filter: { status: ['stuck' as const], name: group.name, failure: group.id },
    }));
    return c.json({ groups: views, sagas, complete: isComplete }, 200);
  });
}
