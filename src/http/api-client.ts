import { randomUUID } from 'node:crypto';
import { ERROR_CODES, messageOf, SagaError, type ErrorCode } from '../core/errors.js';
import type { Problem } from './problem.js';
import type { ShreddedView } from './schemas-shred.js';
import type { DeadLettersView, DeadLetterSummaryView, DeadLetterView } from './schemas-dead-letters.js';
import type {
  DefinitionView,
  HistoryEntryView,
  HistoryView,
  OperatedView,
  OverviewView,
  PageView,
  SagaView,
  StartBody,
  StartedView,
} from './schemas.js';
import type { AuditView, MeView } from './schemas-audit.js';
import type { ManyResult } from './routes/many.js';
import type { BulkBody, BulkLine, ForecastView } from './schemas-bulk.js';
import type { FiguresView } from './schemas-figures.js';
import type { CancelPlanView, FailuresView } from './schemas-find.js';

/** What a decision of an operator says; `retry` and `settle` have more fields. */
export type Decision = { readonly by: string; readonly reason: string } & Readonly<Record<string, unknown>>;
export type Verb = 'cancel' | 'suspend' | 'resume' | 'retry' | 'settle';
/** Query parameters; lists repeat their name, `undefined` is left out. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export interface ApiClientOptions {
  /** The server, e.g. `http://127.0.0.1:7420`. */
  readonly url: string;
  /** Tries of a call whose repetition is safe. Default 3. */
  readonly tries?: number;
  /** Sent with every call, where the server asks who is calling. */
  readonly token?: string | undefined;
}

/**
 * The HTTP API as functions. Errors are SagaErrors with the server's code; a server that cannot be reached is SAGA_UNAVAILABLE. Starts
 * carry an idempotency key, so that they are repeated safely when the answer is lost.
 */
export class ApiClient {
  readonly #base: string;
  readonly #tries: number;
  readonly #token: string | undefined;

  constructor({ url, tries = 3, token }: ApiClientOptions) {
    this.#base = url.replace(/\/+$/, '');
    this.#tries = tries;
    this.#token = token;
  }

  /** `trace`: the caller's, as the headers of W3C trace context. */
  start(request: StartBody, trace: Readonly<Record<string, string>> = {}): Promise<StartedView> {
    return this.#json('POST', '/api/v1/sagas', { body: JSON.stringify(request), headers: trace, repeatable: true });
  }

  /** Each line is the JSON text of a {@link StartBody}; at most 1,000 and 16 MiB. */
  async startMany(lines: readonly string[]): Promise<readonly ManyResult[]> {
    const body = `${lines.join('\n')}\n`;
    const text = await this.#send('POST', '/api/v1/sagas/many', { body, type: 'application/x-ndjson', repeatable: true });
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ManyResult);
  }

  /** With `waitMs` as soon as it is final, or as it is when the time is up (at most five minutes). */
  saga(id: string, waitMs?: number): Promise<SagaView> {
    return this.#json(
      'GET',
      `/api/v1/sagas/${encodeURIComponent(id)}${queryString({ wait: waitMs === undefined ? undefined : `${waitMs}ms` })}`,
    );
  }

  list(query: Query = {}): Promise<PageView> {
    return this.#json('GET', `/api/v1/sagas${queryString(query)}`);
  }

  /** All of it, or what came after an entry, page by page. */
  async history(id: string, from = 0): Promise<readonly HistoryEntryView[]> {
    const entries: HistoryEntryView[] = [];
    for (let after: number | undefined = from; after !== undefined;) {
      const page: HistoryView = await this.#json('GET', `/api/v1/sagas/${encodeURIComponent(id)}/history${queryString({ after })}`);
      entries.push(...page.entries);
      after = page.next;
    }
    return entries;
  }

  operate(id: string, verb: Verb, decision: Decision): Promise<OperatedView> {
    return this.#json('POST', `/api/v1/sagas/${encodeURIComponent(id)}/${verb}`, { body: JSON.stringify(decision) });
  }

  /** What a cancel would send. */
  cancelPlan(id: string): Promise<CancelPlanView> {
    return this.#json('GET', `/api/v1/sagas/${encodeURIComponent(id)}/cancel-plan`);
  }

  failures(query: { readonly name?: string | undefined } = {}): Promise<FailuresView> {
    return this.#json('GET', `/api/v1/failures${queryString(query)}`);
  }

  /** What {@link bulk} would do; nothing is done. */
  forecast(request: BulkBody): Promise<ForecastView> {
    return this.#json('POST', '/api/v1/bulk', { body: JSON.stringify({ ...request, dryRun: true }) });
  }

  /** A line for each saga as it is done, and a last one that sums up. Whoever stops iterating stops it after the batch under way. */
  async *bulk(request: BulkBody): AsyncGenerator<BulkLine, undefined> {
    const body = JSON.stringify({ ...request, dryRun: false });
    const init = { method: 'POST', headers: { accept: 'application/x-ndjson', 'content-type': 'application/json' }, body };
    const response = await this.#fetch('/api/v1/bulk', init);
    if (!response.ok) throw await this.#refusal(response);
    for await (const line of linesOf(response, this.#base)) yield JSON.parse(line) as BulkLine;
    return undefined;
  }

  definitions(): Promise<{ readonly definitions: readonly DefinitionView[] }> {
    return this.#json('GET', '/api/v1/definitions');
  }

  /** The newest version, unless one is named. */
  definition(name: string, version?: number): Promise<DefinitionView> {
    return this.#json('GET', `/api/v1/definitions/${encodeURIComponent(name)}${queryString({ version })}`);
  }

  /** Those that wait, unless `status` says otherwise. */
  deadLetters(query: Query = {}): Promise<DeadLettersView> {
    return this.#json('GET', `/api/v1/dead-letters${queryString(query)}`);
  }

  deadLetter(id: string): Promise<DeadLetterView> {
    return this.#json('GET', `/api/v1/dead-letters/${encodeURIComponent(id)}`);
  }

  /** Puts the message back into its queue. */
  replayDeadLetter(id: string, decision: Decision): Promise<DeadLetterSummaryView> {
    return this.#json('POST', `/api/v1/dead-letters/${encodeURIComponent(id)}/replay`, { body: JSON.stringify(decision) });
  }

  discardDeadLetter(id: string, decision: Decision): Promise<DeadLetterSummaryView> {
    return this.#json('POST', `/api/v1/dead-letters/${encodeURIComponent(id)}/discard`, { body: JSON.stringify(decision) });
  }

  /** Makes what is sealed of a subject unreadable for good. */
  shred(subject: string, decision: Decision): Promise<ShreddedView> {
    return this.#json('POST', '/api/v1/shred', { body: JSON.stringify({ ...decision, subject }) });
  }

  overview(query: Query = {}): Promise<OverviewView> {
    return this.#json('GET', `/api/v1/overview${queryString(query)}`);
  }

  /** How the newest finished sagas of what is loaded went. */
  figures(): Promise<FiguresView> {
    return this.#json('GET', '/api/v1/figures');
  }

  /** Who the server takes the caller for. */
  me(): Promise<MeView> {
    return this.#json('GET', '/api/v1/me');
  }

  audit(query: Query = {}): Promise<AuditView> {
    return this.#json('GET', `/api/v1/audit${queryString(query)}`);
  }

  async #json<T>(method: string, path: string, options: SendOptions = {}): Promise<T> {
    const text = await this.#send(method, path, options);
    try {
      return JSON.parse(text) as T;
    } catch (cause: unknown) {
      throw notBackstep(this.#base, cause);
    }
  }

  async #send(
    method: string,
    path: string,
    { body, type = 'application/json', headers: more = {}, repeatable = method === 'GET' }: SendOptions,
  ): Promise<string> {
    const headers: Record<string, string> = { ...more, accept: 'application/json' };
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`;
    if (body !== undefined) headers['content-type'] = type;
    if (method === 'POST' && repeatable) headers['idempotency-key'] = randomUUID();
    for (let left = repeatable ? this.#tries : 1; ; left--) {
      try {
        return await this.#once(path, { method, headers, ...(body === undefined ? {} : { body }) });
      } catch (error: unknown) {
        if (left <= 1 || !isWorthRepeating(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    }
  }

  async #once(path: string, init: RequestInit): Promise<string> {
    const response = await this.#fetch(path, init);
    if (!response.ok) throw await this.#refusal(response);
    return this.#text(response);
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(this.#base + path, init);
    } catch (cause: unknown) {
      throw unreachable(this.#base, cause);
    }
  }

  async #text(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (cause: unknown) {
      throw unreachable(this.#base, cause);
    }
  }

  async #refusal(response: Response): Promise<SagaError> {
    return errorOf(await this.#text(response)) ?? notBackstep(this.#base, `status ${response.status}`);
  }
}

/** The lines of a body as they come. */
async function* linesOf(response: Response, base: string): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (cause: unknown) {
    throw unreachable(base, cause);
  }
  if (rest !== '') throw unreachable(base, new Error('the answer ended in the middle of a line'));
  return undefined;
}

interface SendOptions {
  readonly body?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly repeatable?: boolean;
}

function queryString(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  return search.size > 0 ? `?${search.toString()}` : '';
}

/** The error that a problem stands for. */
export function errorOf(text: string): SagaError | undefined {
  try {
    const { code, detail, faults } = JSON.parse(text) as Partial<Problem>;
    if (code === undefined || !Object.hasOwn(ERROR_CODES, code)) return undefined;
    return new SagaError(code satisfies ErrorCode, detail ?? '', faults ?? []);
  } catch {
    return undefined;
  }
}

/** Nothing listens: repeating at once would only make the person wait. Anything else may have been a moment's trouble. */
function isWorthRepeating(error: unknown): boolean {
  if (error instanceof Unreachable) return !error.refused;
  return error instanceof SagaError && (error.code === 'SAGA_UNAVAILABLE' || error.code === 'SAGA_STORE_UNKNOWN');
}

class Unreachable extends SagaError {
  readonly refused: boolean;
  /** Something answers, but not in HTTP. */
  readonly isOtherProtocol: boolean;
  constructor(base: string, cause: unknown) {
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const code = (inner as { code?: unknown } | undefined)?.code;
    super('SAGA_UNAVAILABLE', `no Backstep server can be reached at ${base}: ${typeof code === 'string' ? code : messageOf(inner)}`, [], {
      cause,
    });
    this.refused = code === 'ECONNREFUSED' || code === 'ENOTFOUND';
    this.isOtherProtocol = typeof code === 'string' && code.startsWith('HPE_');
  }
}
function unreachable(base: string, cause: unknown): SagaError {
  const error = new Unreachable(base, cause);
  return error.isOtherProtocol ? notBackstep(base, cause) : error;
}
function notBackstep(base: string, cause: unknown): SagaError {
  return new SagaError('SAGA_UNAVAILABLE', `what answers at ${base} is no Backstep server`, [], { cause });
}
