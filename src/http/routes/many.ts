import { createRoute, z } from '@hono/zod-openapi';
import { reaches, type Principal } from '../../access/principal.js';
import { SagaError } from '../../core/errors.js';
import { LIMITS, parseJson, utf8Bytes } from '../../core/json.js';
import type { SagaService, StartRequest, Started } from '../../engine/service.js';
import type { HttpApp, HttpContext } from '../context.js';
import { MANY_LIMIT } from '../body.js';
import { problemOf, RequestRefused, type Problem } from '../problem.js';
import * as schema from '../schemas.js';
import { refusals } from './answers.js';
import { startRequest, starterOf } from './sagas.js';

const many = createRoute({
  method: 'post',
  path: '/api/v1/sagas/many',
  summary: 'Start many sagas: a line of NDJSON each, as the body of POST /sagas',
  request: { headers: schema.StartHeaders, body: { required: true, content: { 'application/x-ndjson': { schema: z.string() } } } },
  responses: {
    200: {
      description: 'A line for each that is not blank, in order: `{ line, started }` or `{ line, problem }`',
      content: { 'application/x-ndjson': { schema: z.string() } },
    },
    ...refusals,
  },
});

/** What became of one line. */
export type ManyResult = { readonly line: number } & ({ readonly started: Started } | { readonly problem: Problem });
interface Caller {
  readonly principal: Principal;
  readonly starter: ReturnType<typeof starterOf>;
  readonly startId: string | undefined;
  readonly trace: Trace;
}
type ReadLine = { readonly line: number } & ({ readonly request: StartRequest } | { readonly error: Error });

/** Many starts in one request, and in as few transactions as possible. */
export function addManyRoute(app: HttpApp, { service }: HttpContext): void {
  // Registered by hand: NDJSON is no media type that the router could type or validate.
  app.openAPIRegistry.registerPath(many);
  app.post(many.path, async (c) => {
    const lines = (await c.req.text()).split('\n').map((text, index) => ({ text: text.trim(), line: index + 1 }));
    const written = lines.filter(({ text }) => text !== '');
    if (written.length > MANY_LIMIT.lines) throw new RequestRefused(413, `one request may start at most ${MANY_LIMIT.lines} sagas`);
    const startId = readStartId(c.req.header('idempotency-key'));
    const trace = traceIn(c.req.header('traceparent'), c.req.header('tracestate'));
    const caller = { principal: c.get('principal'), starter: starterOf(c), startId, trace };
    const results = await startAll(
      service,
      written.map(({ text, line }) => readLine(text, line, caller)),
    );
    return c.body(results.map((result) => `${JSON.stringify(result)}\n`).join(''), 200, { 'content-type': 'application/x-ndjson' });
  });
}

function readStartId(value: string | undefined): string | undefined {
  const read = schema.StartHeaders.safeParse({ 'idempotency-key': value });
  if (!read.success) throw new RequestRefused(400, 'the Idempotency-Key cannot be used');
  return read.data['idempotency-key'];
}

async function startAll(service: SagaService, lines: readonly ReadLine[]): Promise<ManyResult[]> {
  const good = lines.flatMap((line) => ('request' in line ? [line.request] : []));
  const answers = [...(await service.startMany(good))];
  return lines.map((line) => {
    const answered = 'error' in line ? line.error : answers.shift()!;
    return answered instanceof Error ? { line: line.line, problem: problemOf(answered) } : { line: line.line, started: answered };
  });
}

/** All of them are of one caller. */
type Trace = Pick<StartRequest, 'traceparent' | 'tracestate'>;
function traceIn(traceparent: string | undefined, tracestate: string | undefined): Trace {
  return { ...(traceparent === undefined ? {} : { traceparent }), ...(tracestate === undefined ? {} : { tracestate }) };
}

function readLine(text: string, line: number, { principal, starter, startId, trace }: Caller): ReadLine {
  const checked = parseJson(text, 'the line', { ...LIMITS, payloadBytes: LIMITS.payloadBytes + 4_096, depth: LIMITS.depth + 2 });
  if (!checked.ok) return { line, error: new SagaError('SAGA_REQUEST_INVALID', 'the line cannot be used:', checked.faults) };
  const read = schema.StartBody.safeParse(checked.value);
  if (read.success) {
    if (!reaches(principal, read.data.name))
      return { line, error: new SagaError('SAGA_FORBIDDEN', `the token does not reach ${read.data.name}`) };
    return { line, request: { ...startRequest(read.data), ...starter, ...trace, ...(startId ? { startId: lineId(startId, line) } : {}) } };
  }
  const faults = read.error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`);
  return { line, error: new SagaError('SAGA_REQUEST_INVALID', 'the line cannot be used:', faults) };
}

/** Every line repeats safely when the request as a whole is repeated. */
function lineId(startId: string, line: number): string {
  const id = `${startId}#${line}`;
  if (utf8Bytes(id) > LIMITS.nameBytes) throw new RequestRefused(400, 'the Idempotency-Key is too long for a request that starts many');
  return id;
}
