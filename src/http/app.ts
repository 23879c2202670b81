import { setMaxListeners } from 'node:events';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { ACCESS_OFF } from '../access/access.js';
import { SagaError, messageOf } from '../core/errors.js';
import type { Logger } from '../ports/logger.js';
import { audited } from './access/audited.js';
import { guard } from './access/guard.js';
import { withinScope } from './access/scope.js';
import { securityHeaders } from './access/security-headers.js';
import { readBodies } from './body.js';
import type { HttpApp, HttpContext } from './context.js';
import { problemOf, RequestRefused, TooMany } from './problem.js';
import { addActivityRoute, addParticipantsRoute } from './routes/activity.js';
import { addAuditRoute } from './routes/audit.js';
import { addBulkRoute } from './routes/bulk.js';
import { addCancelPlanRoute } from './routes/cancel-plan.js';
import { addDashboardRoutes } from './routes/dashboard.js';
import { addDeadLetterRoutes } from './routes/dead-letters.js';
import { addShredRoute } from './routes/shred.js';
import { addDefinitionRoutes } from './routes/definitions.js';
import { addEventsRoute } from './routes/events.js';
import { addFiguresRoute } from './routes/figures.js';
import { addFailuresRoute } from './routes/failures.js';
import { addHealthRoutes } from './routes/health.js';
import { addManyRoute } from './routes/many.js';
import { addMeRoute } from './routes/me.js';
import { addMetricsRoute, metricsRoute } from './routes/metrics.js';
import { addOperatorRoutes } from './routes/operator.js';
import { addOverviewRoute } from './routes/overview.js';
import { addSagaRoutes } from './routes/sagas.js';

/** The HTTP API as a function from request to response; `openServer` puts it on a port, tests call `app.request()`. */
export function createHttpApp(context: HttpContext): HttpApp {
  const app: HttpApp = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success)
        throw new RequestRefused(
          result.target === 'json' ? 422 : 400,
          `the ${TARGET[result.target] ?? 'request'} cannot be used:`,
          faultsOf(result.error),
        );
    },
  });
  // Every request that waits listens to it.
  setMaxListeners(0, context.stopping);
  app.use(securityHeaders);
  app.use(guard(context.access ?? ACCESS_OFF, (c) => noSuchRoute(app, c)));
  app.use('/api/v1/*', readBodies);
  app.use(withinScope(context.store));
  if (context.audit) app.use('/api/v1/*', audited(context.audit, context.logger));
  addManyRoute(app, context);
  addSagaRoutes(app, context);
  addOperatorRoutes(app, context);
  addCancelPlanRoute(app, context);
  addFailuresRoute(app, context);
  addBulkRoute(app, context);
  addDeadLetterRoutes(app, context);
  addShredRoute(app, context);
  addEventsRoute(app, context);
  addDefinitionRoutes(app, context);
  addOverviewRoute(app, context);
  addFiguresRoute(app, context);
  if (context.activity) addActivityRoute(app, context, context.activity);
  if (context.queues) addParticipantsRoute(app, context.queues);
  addMeRoute(app);
  if (context.audit) addAuditRoute(app, context.audit);
  addHealthRoutes(app, context);
  if (context.scrape) {
    app.openAPIRegistry.registerPath(metricsRoute);
    addMetricsRoute(app, context.scrape);
  }
  if (context.dashboard) addDashboardRoutes(app, context.dashboard);
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'Backstep', version: 'v1', description: 'Sagas: start, watch, operate.' },
  });
  app.notFound((c) => problemResponse(c, noSuchRoute(app, c)));
  app.onError((error, c) => problemResponse(c, known(error, c, context.logger)));
  return app;
}

const TARGET: Readonly<Record<string, string>> = { json: 'body', query: 'query', param: 'path', header: 'headers' };

function faultsOf(error: { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] }): string[] {
  return error.issues.slice(0, 20).map(({ path, message }) => `${path.length > 0 ? `${path.map(String).join('.')}: ` : ''}${message}`);
}

function problemResponse(c: Context, error: SagaError): Response {
  const problem = problemOf(error);
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  if (problem.status === 503) headers['retry-after'] = '1';
  if (error instanceof TooMany) headers['retry-after'] = String(error.retryAfterS);
  if (problem.status === 401) headers['www-authenticate'] = 'Bearer realm="backstep"';
  if (error instanceof MethodNotAllowed) headers['allow'] = error.allowed.join(', ');
  return c.body(JSON.stringify(problem), problem.status, headers);
}

class MethodNotAllowed extends RequestRefused {
  constructor(
    method: string,
    readonly allowed: readonly string[],
  ) {
    super(405, `${method} is not possible here; possible: ${allowed.join(', ')}`);
  }
}

function noSuchRoute(app: HttpApp, c: Context): SagaError {
  const here = app.routes.filter(({ method, path }) => method !== 'ALL' && matches(path, c.req.path)).map(({ method }) => method);
  if (here.length > 0 && !here.includes(c.req.method)) return new MethodNotAllowed(c.req.method, [...new Set(here)]);
  return new RequestRefused(404, 'there is nothing at this address; /openapi.json lists what there is');
}

function matches(route: string, path: string): boolean {
  const [wanted, given] = [route.split('/'), path.split('/')];
  return (
    wanted.length === given.length && wanted.every((part, index) => (part.startsWith(':') ? given[index] !== '' : part === given[index]))
  );
}

/** What is not a SagaError is either the router's own refusal or a bug, which the log gets in full and the caller does not. */
function known(error: Error, c: Context, logger: Logger): SagaError {
  if (error instanceof HTTPException && error.status < 500) {
    return new RequestRefused(error.status === 415 ? 415 : 400, error.message || 'the request is malformed');
  }
  if (error instanceof SagaError && error.code !== 'SAGA_INTERNAL') return error;
  logger.error({ method: c.req.method, route: c.req.routePath, error: error.stack ?? messageOf(error) }, 'a request failed inside');
  return new SagaError('SAGA_INTERNAL', 'Something went wrong inside; the log of the server says what.', [], { cause: error });
}
