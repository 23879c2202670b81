import { join } from 'node:path';
import { Api } from '../kit/api.js';
import type { ClientLine, TailLine } from '../kit/evidence.js';
import { Journal } from '../kit/files.js';
import { ask } from '../kit/http.js';
import { forAll } from '../kit/waiting.js';
import type { Start } from '../kit/workloads/workload.js';

/** Request numbers of the tail in `client.jsonl` begin here, out of the load's way. */
const FIRST_REQUEST = 1_000_000_000;

/**
 * After the faults: starts `count` sagas at each daemon and waits for the end of each there (`tail.jsonl`, judged as V20). Call it when the
 * backlog is gone, before the checker. The starts are in `client.jsonl` too, so that every other invariant looks at them.
 */
export async function tail(
  api: readonly string[],
  directory: string,
  start: Start,
  { count = 20, withinMs = 5_000 }: { readonly count?: number; readonly withinMs?: number } = {},
): Promise<readonly TailLine[]> {
  const journal = new Journal(join(directory, 'tail.jsonl'));
  const client = new Journal(join(directory, 'client.jsonl'));
  let n = FIRST_REQUEST;
  const wanted = api.flatMap((daemon, d) => Array.from({ length: count }, (_, i) => ({ daemon, key: `tail-${d + 1}-${i + 1}`, n: ++n })));
  const lines = await forAll(wanted, 4, async ({ daemon, key, n: request }) => {
    const at = Date.now();
    await client.append({ op: 'invoke', at, n: request, name: start.saga, key, by: 'key', input: start.input } satisfies ClientLine);
    const line = await one(daemon, key, start, at, withinMs, async (answer) => client.append({ ...answer, at: Date.now(), n: request }));
    await journal.append(line);
    return line;
  });
  await Promise.all([journal.close(), client.close()]);
  return lines;
}

type Answer =
  { readonly op: 'ok'; readonly id: string; readonly created: boolean } | { readonly op: 'fail' | 'unknown'; readonly error: string };

async function one(
  daemon: string,
  key: string,
  { saga, input }: Start,
  at: number,
  withinMs: number,
  answered: (answer: Answer) => Promise<void>,
): Promise<TailLine> {
  const began = performance.now();
  let id: string;
  try {
    const { status, text } = await ask(`${daemon}/api/v1/sagas`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: saga, key, input, tags: { start: key } }),
      timeoutMs: withinMs + 5_000,
    });
    if (status !== 200 && status !== 201) {
      const error = `${status} ${text.slice(0, 300)}`;
      await answered({ op: status < 500 ? 'fail' : 'unknown', error });
      return { at, daemon, key, error };
    }
    const read = JSON.parse(text) as { id: string; created: boolean };
    ({ id } = read);
    await answered({ op: 'ok', id, created: read.created });
  } catch (error: unknown) {
    await answered({ op: 'unknown', error: (error as Error).message });
    return { at, daemon, key, error: (error as Error).message };
  }
  const shown = await new Api([daemon], withinMs).wait(id, Math.ceil(withinMs / 1_000) + 5).catch((error: unknown) => error as Error);
  const ms = Math.round(performance.now() - began);
  if (shown instanceof Error) return { at, daemon, key, id, error: shown.message };
  return shown.endedAt === null ? { at, daemon, key, id, error: `it is ${shown.status}` } : { at, daemon, key, id, ms };
}

/** A saga of the random workload that has nothing in its way. */
export const PLAIN_START: Start = { saga: 'random-single', input: { scripts: { s1: {} }, passes: true } };
