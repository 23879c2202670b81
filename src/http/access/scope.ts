import type { Context, MiddlewareHandler } from 'hono';
import { reaches, type Principal } from '../../access/principal.js';
import { SagaError } from '../../core/errors.js';
import type { HttpContext, HttpEnv } from '../context.js';

/** Keeps a token for some definitions away from the others. Every other token costs nothing here. */
export function withinScope(store: Pick<HttpContext['store'], 'find'>): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const principal = c.get('principal');
    if (principal.definitions) await assertWithin(c, principal, store);
    await next();
  };
}

async function assertWithin(c: Context<HttpEnv>, principal: Principal, store: Pick<HttpContext['store'], 'find'>): Promise<void> {
  switch (c.get('admitted').access.scope) {
    case 'free':
    case 'filtered':
    case 'lines':
      return;
    case 'saga':
      return assertSaga(principal, pathPart(c, ':id'), store);
    case 'definition':
      return assertReaches(principal, pathPart(c, ':name'));
    case 'query': {
      const [name, saga] = [c.req.queries('name') ?? [], c.req.query('saga')];
      if (name.length === 0 && saga !== undefined) return assertSaga(principal, saga, store);
      if (name.length !== 1) throw limited(principal, 'name one of them with ?name=');
      return assertReaches(principal, name[0]!);
    }
    case 'body':
      return assertReaches(principal, nameIn(await c.req.json()));
    case 'filter':
      return assertReaches(principal, nameIn(fieldOf(await c.req.json(), 'filter')));
    case 'all':
      throw limited(principal, 'this is about all of them');
  }
}

/** Throws SAGA_FORBIDDEN for a definition that the token does not reach, or none. */
export function assertReaches(principal: Principal, definition: string | undefined): void {
  if (definition === undefined || !reaches(principal, definition)) throw limited(principal, 'this is not about one of them');
}

/** What is not there is for the route to say. */
async function assertSaga(principal: Principal, id: string, store: Pick<HttpContext['store'], 'find'>): Promise<void> {
  const saga = await store.find(id.toLowerCase());
  if (saga) assertReaches(principal, saga.state.name);
}

function limited({ definitions = [] }: Principal, why: string): SagaError {
  return new SagaError('SAGA_FORBIDDEN', `the token is for ${definitions.join(', ') || 'no definition'} only: ${why}`);
}

/** What stands in the path where the route has this parameter. */
function pathPart(c: Context<HttpEnv>, parameter: string): string {
  return c.req.path.split('/')[c.get('admitted').pattern.split('/').indexOf(parameter)] ?? '';
}

function nameIn(value: unknown): string | undefined {
  const name = fieldOf(value, 'name');
  return typeof name === 'string' ? name : undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}
