import { createRoute } from '@hono/zod-openapi';
import { reaches } from '../../access/principal.js';
import { SagaError } from '../../core/errors.js';
import type { HttpApp, HttpContext } from '../context.js';
import { definitionView } from '../definition-view.js';
import * as schema from '../schemas.js';
import { answer, refusals } from './answers.js';

const list = createRoute({
  method: 'get',
  path: '/api/v1/definitions',
  summary: 'Every definition that is loaded, with its graph',
  responses: { 200: answer(schema.DefinitionsSchema, 'The definitions'), ...refusals },
});
const show = createRoute({
  method: 'get',
  path: '/api/v1/definitions/{name}',
  summary: 'One definition with its graph; the newest version unless one is named',
  request: { params: schema.DefinitionParams, query: schema.DefinitionQuery },
  responses: { 200: answer(schema.DefinitionSchema, 'The definition'), ...refusals },
});

/** What is loaded. */
export function addDefinitionRoutes(app: HttpApp, { service }: HttpContext): void {
  app.openapi(list, (c) => {
    const reached = service.definitions.filter(({ name }) => reaches(c.get('principal'), name));
    return c.json({ definitions: reached.map(definitionView) }, 200);
  });
  app.openapi(show, (c) => {
    const { name } = c.req.valid('param');
    const { version } = c.req.valid('query');
    const versions = service.definitions.filter((plan) => plan.name === name && (version === undefined || plan.version === version));
    const [newest] = versions.toSorted((one, other) => other.version - one.version);
    if (!newest) {
      throw new SagaError(
        'SAGA_UNKNOWN_DEFINITION',
        `no definition '${name}'${version === undefined ? '' : ` of version ${version}`} is loaded`,
      );
    }
    return c.json(definitionView(newest), 200);
  });
}
