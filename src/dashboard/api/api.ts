import { ApiError, call, json, jsonIfThere, queryText, type Query } from './http.js';
import type * as view from './views.js';

const V1 = '/api/v1';
const saga = (id: string, rest = '') => `${V1}/sagas/${encodeURIComponent(id)}${rest}`;
const letter = (id: string, rest = '') => `${V1}/dead-letters/${encodeURIComponent(id)}${rest}`;

export type Verb = 'cancel' | 'suspend' | 'resume' | 'retry' | 'settle';
type Signal = AbortSignal | undefined;
const within = (signal: Signal) => (signal ? { signal } : {});

/** The API as functions. What not every server has is `null` where it is missing. */
export const api = {
  me: () => jsonIfThere<view.MeView>(`${V1}/me`),
  overview: (query: Query, signal?: Signal) => json<view.OverviewView>(`${V1}/overview${queryText(query)}`, within(signal)),
  figures: (signal?: Signal) => jsonIfThere<view.FiguresView>(`${V1}/figures`, within(signal)),
  activity: (signal?: Signal) => jsonIfThere<view.ActivityView>(`${V1}/activity`, within(signal)),
  participants: (signal?: Signal) => jsonIfThere<view.ParticipantsView>(`${V1}/participants`, within(signal)),
  failures: (query: Query, signal?: Signal) => jsonIfThere<view.FailuresView>(`${V1}/failures${queryText(query)}`, within(signal)),
  sagas: (query: Query, signal?: Signal) => json<view.PageView>(`${V1}/sagas${queryText(query)}`, within(signal)),
  /** `undefined`: it is still what had that tag. */
  saga: async (id: string, etag: string, signal?: Signal): Promise<{ readonly saga: view.SagaView; readonly etag: string } | undefined> => {
    const response = await call(saga(id), { ...within(signal), ...(etag === '' ? {} : { headers: { 'if-none-match': etag } }) });
    if (response.status === 304) return undefined;
    return { saga: (await response.json()) as view.SagaView, etag: response.headers.get('etag') ?? '' };
  },
  history: (id: string, after: number, signal?: Signal) =>
    json<view.HistoryView>(`${saga(id, '/history')}${queryText({ after })}`, within(signal)),
  cancelPlan: (id: string, signal?: Signal) => jsonIfThere<view.CancelPlanView>(saga(id, '/cancel-plan'), within(signal)),
  operate: (id: string, verb: Verb, body: unknown) => json<view.OperatedView>(saga(id, `/${verb}`), { method: 'POST', body }),
  planBulk: (body: object) => json<view.BulkPlanView>(`${V1}/bulk`, { method: 'POST', body: { ...body, dryRun: true } }),
  definitions: (signal?: Signal) => json<{ readonly definitions: readonly view.DefinitionView[] }>(`${V1}/definitions`, within(signal)),
  deadLetters: (query: Query, signal?: Signal) =>
    jsonIfThere<view.DeadLettersView>(`${V1}/dead-letters${queryText(query)}`, within(signal)),
  deadLetter: (id: string, signal?: Signal) => json<view.DeadLetterView>(letter(id), within(signal)),
  operateLetter: async (id: string, verb: 'replay' | 'discard', body: unknown): Promise<void> => {
    await call(letter(id, `/${verb}`), { method: 'POST', body });
  },
  /** What keeps the server from full service, in sentences. */
  problems: async (signal?: Signal): Promise<readonly string[]> => {
    const response = await fetch('/readyz', { cache: 'no-store', ...within(signal) }).catch(() => undefined);
    if (!response) throw new ApiError(0, '', 'The server cannot be reached.');
    if (response.ok) return [];
    const { problems } = (await response.json().catch(() => ({}))) as { problems?: string[] };
    return problems ?? [`The server answered ${response.status}.`];
  },
};

/** Runs a verb on everything that matches, and tells of each saga as soon as it is known. */
export async function runBulk(body: object, tell: (line: view.BulkLine) => void, signal?: Signal): Promise<void> {
  const response = await call(`${V1}/bulk`, { method: 'POST', body, headers: { accept: 'application/x-ndjson' }, ...within(signal) });
  for await (const text of linesOf(response)) if (text !== '') tell(JSON.parse(text) as view.BulkLine);
}

/** The lines of an answer, each as soon as it is there. */
export async function* linesOf(response: Response): AsyncGenerator<string> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? '')).split('\n');
    rest = done ? '' : lines.pop()!;
    yield* lines.map((line) => line.replace(/\r$/, ''));
    if (done) return;
  }
}
