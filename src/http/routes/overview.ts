import { createRoute } from '@hono/zod-openapi';
import { reaches } from '../../access/principal.js';
import type { Overview } from '../../ports/saga-overview.js';
import type { DefinitionRef, StoredSaga } from '../../ports/saga-store.js';
import type { HttpApp, HttpContext } from '../context.js';
import { stuckViews, summaryView } from '../saga-view.js';
import * as schema from '../schemas.js';
import { iso } from '../time.js';
import { answer, refusals } from './answers.js';
import { planOf } from './sagas.js';

const overview = createRoute({
  method: 'get',
  path: '/api/v1/overview',
  summary: 'What is under way: counts by definition, the oldest, the stuck ones',
  request: { query: schema.OverviewQuery },
  responses: { 200: answer(schema.OverviewSchema, 'As it is now'), ...refusals },
});

/** Everything that is under way, in one look. */
export function addOverviewRoute(app: HttpApp, { service, store }: HttpContext): void {
  app.openapi(overview, async (c) => {
    const { since, limit } = c.req.valid('query');
    const found = await store.overview({ limit, ...(since === undefined ? {} : { since: Date.parse(since) }) });
    const isReached = ({ name }: { readonly name: string }) => reaches(c.get('principal'), name);
    const reached = (sagas: readonly StoredSaga[]) => sagas.filter(({ state }) => isReached(state));
    const stuck = reached(found.stuck).map(({ state }) => ({
      ...summaryView(state),
      stuck: stuckViews(state, planOf(service, { state })),
    }));
    const oldest = reached(found.oldest).map(({ state }) => summaryView(state));
    return c.json({ at: iso(found.now), definitions: countsOf(found, service.definitions).filter(isReached), oldest, stuck }, 200);
  });
}

/** Every definition that is loaded or has sagas that matter here, by name and version. */
function countsOf({ open, started }: Overview, loaded: readonly DefinitionRef[]): schema.OverviewView['definitions'] {
  const refs = [...loaded, ...open, ...(started ?? [])].map(({ name, version }) => ({ name, version }));
  const unique = [...new Map(refs.map((ref) => [refOf(ref), ref])).values()];
  const sorted = unique.toSorted((one, other) => one.name.localeCompare(other.name) || one.version - other.version);
  return sorted.map((ref) => {
    const isIt = (other: DefinitionRef) => refOf(other) === refOf(ref);
    const having = (status: string) => open.find((one) => isIt(one) && one.status === status)?.count ?? 0;
    return {
      ...ref,
      loaded: loaded.some(isIt),
      running: having('running'),
      compensating: having('compensating'),
      suspended: having('suspended'),
      stuck: having('stuck'),
      ...(started ? { started: started.find(isIt)?.count ?? 0 } : {}),
    };
  });
}

const refOf = ({ name, version }: DefinitionRef): string => `${name}@${version}`;
