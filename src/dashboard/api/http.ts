import { clockOffset, isSignInNeeded, token } from './session.js';

/** What the API, or the way to it, answered instead. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    /** 0: nobody answered. */
    readonly status: number,
    /** Of the problem; empty where there is none. */
    readonly code: string,
    detail: string,
    readonly faults: readonly string[] = [],
  ) {
    super(detail);
  }
}

export interface CallOptions {
  readonly method?: 'GET' | 'POST';
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls the API with this session's token; throws an {@link ApiError} for anything but a success or a 304. */
export async function call(path: string, { method = 'GET', body, signal, headers = {} }: CallOptions = {}): Promise<Response> {
  const sent: Record<string, string> = { accept: 'application/json', ...headers };
  if (token.value !== '') sent['authorization'] = `Bearer ${token.value}`;
  if (body !== undefined) sent['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: sent,
      cache: 'no-store',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (cause: unknown) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, '', 'The server cannot be reached.');
  }
  readClock(response);
  if (response.ok || response.status === 304) return response;
  throw await refusalOf(response);
}

export async function json<T>(path: string, options: CallOptions = {}): Promise<T> {
  const response = await call(path, options);
  return (await response.json()) as T;
}

/** `null` where this server has no such route: it is older than this page, or was set up without it. */
export async function jsonIfThere<T>(path: string, options: CallOptions = {}): Promise<T | null> {
  try {
    return await json<T>(path, options);
  } catch (error: unknown) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

async function refusalOf(response: Response): Promise<ApiError> {
  if (response.status === 401) isSignInNeeded.value = true;
  try {
    const { code, detail, faults } = (await response.json()) as { code?: string; detail?: string; faults?: string[] };
    return new ApiError(response.status, code ?? '', detail ?? `The server answered ${response.status}.`, faults ?? []);
  } catch {
    return new ApiError(response.status, '', `The server answered ${response.status}.`);
  }
}

const NOTICEABLE_MS = 2_000;
/** The header has whole seconds. */
function readClock(response: Response): void {
  const at = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(at)) return;
  const ahead = at + 500 - Date.now();
  clockOffset.value = Math.abs(ahead) > NOTICEABLE_MS ? ahead : 0;
}

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;
export function queryText(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue;
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [value as string | number]) search.append(name, String(one));
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}
