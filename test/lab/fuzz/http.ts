import { ERROR_CODES } from '../../../src/core/errors.js';
import { DeadLetterOffice } from '../../../src/engine/dead-letter-office.js';
import { FeedHub } from '../../../src/engine/feed-hub.js';
import { createHttpApp } from '../../../src/http/app.js';
import type { HttpApp } from '../../../src/http/context.js';
import { hash } from '../../support/engine.js';
import { turns } from '../../support/manual-clock.js';
import type { Chance } from '../kit/chance.js';
import { EngineStand, STEPS } from './engine-stand.js';
import { must, Violation, type Entrance, type Findings, type Session } from './entrance.js';
import { cut, mustBeReason } from './oracle.js';
import { replyTemplate, SAGA_NAME } from './templates.js';
import { anyBody, anyNumber, anyText, NO_SAGA } from './values.js';

/** One request. */
export interface RequestCase {
  readonly method?: string;
  /** With query, as it stands in the request line. */
  readonly path?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array;
}

/** Requests to every route, mostly well-formed ones with something wrong in them. */
export const http: Entrance<RequestCase> = {
  name: 'http',
  about: 'every route of the API: method, path, query, headers and body',
  share: 80,
  batch: 50,
  rows: ['C3', 'C4', 'C5', 'C6', 'C7', 'C8', 'I2', 'I10', 'I13'],
  make: makeRequest,
  open: () => open('http'),
};

/** The operators' verbs, at sagas in every state. */
export const operator: Entrance<RequestCase> = {
  name: 'operator',
  about: 'cancel, suspend, resume, retry and settle with rubbish for a decision, at sagas in every state',
  share: 60,
  batch: 50,
  rows: ['C4', 'C5', 'C6', 'C7', 'C8', 'G7', 'I2'],
  make: makeDecision,
  open: () => open('operator'),
};

// ---- making

/** Sagas that every session has, by what became of them. */
const SAGAS = ['running', 'rejected', 'stuck', 'suspended', 'unusable', 'completed'] as const;
export const sagaIds: readonly string[] = SAGAS.map((_, at) => `0198f000-0000-7000-8000-0000000000${at}0`.padStart(36, '0').slice(0, 36));
const VERBS = ['cancel', 'suspend', 'resume', 'retry', 'settle'];
const ROUTES = [
  '/api/v1/sagas',
  '/api/v1/sagas/many',
  '/api/v1/sagas/{id}',
  '/api/v1/sagas/{id}/history',
  '/api/v1/definitions',
  '/api/v1/definitions/test-saga',
  '/openapi.json',
  '/healthz',
  '/readyz',
  '/',
];
const QUERIES = ['status', 'name', 'key', 'tag', 'limit', 'cursor', 'after', 'wait', 'version', 'sort', '__proto__', 'constructor', ''];
const TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/vnd.api+json',
  'application/x-ndjson',
  'application/jsonl',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/jsonp',
  '',
  '*/*',
];
const START = { name: SAGA_NAME, version: 1, key: 'k', input: { total: 3, lines: [{ sku: 'a' }] }, tags: { region: 'eu' } };

export function makeRequest(chance: Chance): RequestCase {
  const route = chance.pick([...ROUTES, ...VERBS.map((verb) => `/api/v1/sagas/{id}/${verb}`)]);
  const isPost = /many$|\/(?:cancel|suspend|resume|retry|settle)$/.test(route) || (route === '/api/v1/sagas' && chance.is(0.5));
  const method = chance.is(0.93)
    ? isPost
      ? 'POST'
      : 'GET'
    : chance.pick(['PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'POST', 'GET', 'PROPFIND']);
  const path = spoiltPath(chance, route.replace('{id}', anyId(chance))) + anyQuery(chance);
  const headers: [string, string][] = [];
  const isMany = route.endsWith('many');
  if (method !== 'GET' && method !== 'HEAD')
    headers.push(['content-type', chance.is(0.85) ? (isMany ? 'application/x-ndjson' : 'application/json') : chance.pick(TYPES)]);
  if (chance.is(0.2)) headers.push(anyHeader(chance));
  const valid = isMany ? START : route === '/api/v1/sagas' ? START : decisionFor(chance, route.split('/').at(-1)!);
  const body = method === 'GET' || method === 'HEAD' ? undefined : isMany ? manyLines(chance) : anyBody(chance, valid);
  return { method, path, headers, ...(body === undefined ? {} : { body }) };
}

function makeDecision(chance: Chance): RequestCase {
  const verb = chance.pick(VERBS);
  const id = chance.is(0.95) ? chance.pick(sagaIds) : NO_SAGA;
  const valid = decisionFor(chance, verb);
  const body = chance.is(0.4) ? Buffer.from(JSON.stringify(valid)) : anyBody(chance, valid);
  return { method: 'POST', path: `/api/v1/sagas/${id}/${verb}`, headers: [['content-type', 'application/json']], body };
}

function decisionFor(chance: Chance, verb: string): unknown {
  const decree = { by: chance.is(0.8) ? 'ann' : anyText(chance), reason: chance.is(0.8) ? 'because' : anyText(chance) };
  const step = chance.is(0.9) ? chance.pick(STEPS) : anyText(chance);
  if (verb === 'retry')
    return { ...decree, step, ...(chance.is(0.4) ? { request: { amount: 1 } } : {}), ...(chance.is(0.4) ? { confirm: 'not-done' } : {}) };
  if (verb !== 'settle') return decree;
  const outcome = chance.pick(['success', 'rejected']);
  return {
    ...decree,
    step,
    outcome,
    ...(chance.is(0.7) ? { reply: { id: 'r' } } : {}),
    ...(chance.is(0.5) ? { code: 'card-declined' } : {}),
  };
}

function manyLines(chance: Chance): Uint8Array {
  const count = chance.pick([0, 1, 2, 5, 1_001]);
  if (count === 1_001) return Buffer.from('{"name":"nothing"}\n'.repeat(chance.pick([1_000, 1_001])));
  const newline = chance.pick(['\n', '\n', '\r\n', '\r', '\u2028']);
  return Buffer.concat(Array.from({ length: count }, () => Buffer.concat([anyBody(chance, START), Buffer.from(newline)])));
}

function anyId(chance: Chance): string {
  const kind = chance.next();
  if (kind < 0.7) return chance.pick(sagaIds);
  if (kind < 0.75) return NO_SAGA.toUpperCase();
  if (kind < 0.8) return `${NO_SAGA}${chance.pick(["'", '%00', ' ', '.', '%', '\u0661'])}`;
  return encoded(chance, anyText(chance));
}

/** As a careful client writes it, as a careless one, or as no client does. */
function encoded(chance: Chance, text: string): string {
  const kind = chance.next();
  if (kind < 0.7) return encodeURIComponent(text.toWellFormed());
  if (kind < 0.8) return chance.pick(['%', '%zz', '%00', '%ff', '%ed%a0%80', '%c0%ae', '%u0000', '+', '%2e%2e%2f', '%252e']);
  return encodeURI(text.toWellFormed()).replace(/#/g, '');
}

function spoiltPath(chance: Chance, path: string): string {
  if (chance.is(0.92)) return path;
  return chance.pick([
    `${path}/`,
    `/${path}`,
    `${path}//`,
    path.replace('/v1', '/v2'),
    `${path}/..`,
    `${path};a=b`,
    `${path}%2f`,
    `${path}.json`,
    path.toUpperCase(),
    `${path}\\`,
  ]);
}

function anyQuery(chance: Chance): string {
  if (chance.is(0.45)) return '';
  const pairs = Array.from({ length: chance.between(1, chance.is(0.02) ? 300 : 3) }, () => {
    const name = chance.is(0.9) ? chance.pick(QUERIES) : encoded(chance, anyText(chance));
    const value = chance.is(0.4)
      ? chance.pick([
          'running',
          'stuck',
          '10',
          '1',
          '0',
          '-1',
          '1e3',
          '10000000000',
          '500',
          '501',
          '0x10',
          ' 7 ',
          '1.5',
          '30ms',
          '5m',
          '6m',
          '1e400s',
          'a=b',
          '=',
          'test-saga',
          SAGA_NAME,
          'MDE5OA',
          '',
          ...sagaIds.map((id) => Buffer.from(id).toString('base64url')),
        ])
      : chance.is(0.3)
        ? String(anyNumber(chance))
        : encoded(chance, anyText(chance));
    return `${name}=${value}`;
  });
  // Nothing moves the clock while a request waits for it.
  return `?${pairs.filter((pair) => !/^wait=\d+(?:\.\d+)?(?:s|m|ms)$/.test(pair)).join('&')}`;
}

function anyHeader(chance: Chance): [string, string] {
  const name = chance.pick([
    'idempotency-key',
    'traceparent',
    'content-length',
    'content-encoding',
    'transfer-encoding',
    'accept',
    'accept-encoding',
    'x-forwarded-for',
    'host',
    'origin',
    'x-http-method-override',
    'cookie',
    'authorization',
    'if-none-match',
    'range',
    'expect',
  ]);
  const value = chance.pick([
    () => anyText(chance),
    () => 'gzip',
    () => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    () => String(anyNumber(chance)),
    () => 'x'.repeat(300),
    () => 'DELETE',
  ])();
  // What HTTP cannot carry is for the raw socket.
  return [
    name,
    Buffer.from(value, 'utf8')
      .toString('latin1')
      .replace(/[\0\r\n]/g, ' '),
  ];
}

// ---- feeding

/** An engine with sagas in every state, and its API. */
export class ApiStand {
  private constructor(
    readonly stand: EngineStand,
    readonly app: HttpApp,
  ) {}

  static async open(): Promise<ApiStand> {
    const stand = await EngineStand.open();
    const { engine, store, transport, names, clock, logs } = stand.world;
    const deadLetters = new DeadLetterOffice({ store, transport, names, hash });
    const feed = new FeedHub({ feed: store.feed, clock, logger: logs });
    const app = createHttpApp({ service: engine, store, deadLetters, feed, logger: logs, stopping: new AbortController().signal });
    const api = new ApiStand(stand, app);
    await api.prepare();
    return api;
  }

  private async prepare(): Promise<void> {
    const { stand } = this;
    const { engine } = stand.world;
    for (const [at, what] of SAGAS.entries()) await stand.begin(sagaIds[at]!, { of: what }, `key ${what}`);
    const answer = (what: (typeof SAGAS)[number], step: string, body: unknown, outcome?: string, phase = 'a') => {
      const { properties, headers } = replyTemplate(`${sagaIds[SAGAS.indexOf(what)]}.${step}.${phase}.1`, body, outcome);
      stand.send('backstep.replies', { properties: { ...properties, headers }, body: Buffer.from(JSON.stringify(body)) });
    };
    answer('rejected', 'reserve', { code: 'out-of-stock', message: 'none left' }, 'rejected');
    for (const step of ['reserve', 'charge', 'ship']) {
      for (const what of ['stuck', 'completed'] as const) answer(what, step, { id: `r-${step}` });
      if (step === 'reserve') answer('unusable', step, { id: 'r' });
      await stand.settle();
    }
    answer('unusable', 'charge', { nothing: 1 });
    answer('completed', 'confirm', null);
    answer('stuck', 'confirm', { code: 'broken', message: 'it does not work' }, 'error');
    await stand.settle();
    await engine.operate(sagaIds[SAGAS.indexOf('suspended')]!, { kind: 'suspend', by: 'ann', text: 'to look at' });
    for (let wait = 0; wait < 3; wait++) await stand.pass(2_000);
  }

  /** Asks, and looks at the answer. `false`: no client can send this. */
  async ask({ method = 'GET', path = '/', headers = [], body }: RequestCase, found: Findings): Promise<boolean> {
    let request: Request;
    try {
      const hasBody = body !== undefined && method !== 'GET' && method !== 'HEAD';
      request = new Request(`http://127.0.0.1${path.startsWith('/') ? path : `/${path}`}`, {
        method,
        headers: headers.map(([name, value]) => [name, value] as [string, string]),
        ...(hasBody ? { body: new Uint8Array(body) } : {}),
      });
    } catch {
      found.count('requests that no client can send');
      return false;
    }
    const asking = Promise.resolve(this.app.fetch(request));
    let isAnswered = false;
    const answered = asking.then(
      () => (isAnswered = true),
      () => (isAnswered = true),
    );
    for (let turn = 0; turn < 300 && !isAnswered; turn++) await Promise.race([answered, turns(1)]);
    // A request may wait for time to pass, at most for as long as a call may.
    for (let wait = 0; wait < 15 && !isAnswered; wait++) await this.stand.world.clock.advance(1_000);
    must(isAnswered, 'request without answer', () => `${method} ${cut(path)} is not answered`);
    await mustBeAnswer(await asking, `${method} ${cut(path)}`, found);
    return true;
  }
}

async function open(name: string): Promise<Session<RequestCase>> {
  const api = await ApiStand.open();
  return {
    feed: async (cases, found) => {
      for (const one of cases) {
        await api.ask(one, found);
        api.stand.checkLogs();
      }
      await api.stand.settle();
      await api.stand.check(name, found);
    },
    close: () => api.stand.close(),
  };
}

/** Good, or refused with a problem that says why. */
export async function mustBeAnswer(response: Response, what: string, found: Findings): Promise<void> {
  const { status } = response;
  const text = await response.text();
  found.count(`answered ${status}`);
  if (status >= 500) throw new Violation(`answered ${status}`, `${what} is answered ${status}: ${cut(text, 1_000)}`);
  const type = response.headers.get('content-type') ?? '';
  must(text.length <= 2_000_000, 'answer without end', () => `${what} is answered with ${text.length} characters`);
  if (status < 400) {
    if (/ndjson/.test(type)) for (const line of text.split('\n').slice(0, -1)) mustBeJson(line, what);
    else if (text !== '') mustBeJson(text, what);
    return;
  }
  if (text === '') return;
  must(
    type.startsWith('application/problem+json'),
    'refusal that is no problem',
    () => `${what} is answered ${status} with ${type}: ${cut(text)}`,
  );
  const problem = mustBeJson(text, what) as {
    readonly code?: unknown;
    readonly detail?: unknown;
    readonly faults?: readonly unknown[];
    readonly status?: unknown;
  };
  must(
    typeof problem.code === 'string' && Object.hasOwn(ERROR_CODES, problem.code),
    'problem without a code',
    () => `${what}: ${cut(text)}`,
  );
  must(
    problem.status === status,
    'problem of another status',
    () => `${what} is answered ${status}, and the problem says ${String(problem.status)}`,
  );
  mustBeReason(typeof problem.detail === 'string' ? problem.detail : '', what);
  must((problem.faults ?? []).length <= 51, 'faults without end', () => `${what} has ${problem.faults?.length} faults`);
  for (const fault of problem.faults ?? []) mustBeReason(String(fault), what);
}

function mustBeJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Violation('answer that is no JSON', `${what}: ${cut(text, 300)}`);
  }
}
