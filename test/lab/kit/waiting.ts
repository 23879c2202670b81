import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again until `check` gives something truthy. Throws when it does not within the time; a check that throws does not hold yet. */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  { withinMs = 30_000, everyMs = 25 }: { readonly withinMs?: number; readonly everyMs?: number } = {},
): Promise<NonNullable<T>> {
  const giveUpAt = performance.now() + withinMs;
  for (let cause: unknown; ; await delay(everyMs)) {
    try {
      const value = await check();
      if (value) return value;
      cause = undefined;
    } catch (error: unknown) {
      cause = error;
    }
    if (performance.now() >= giveUpAt) throw new Error(`not within ${withinMs} ms: ${what}`, { cause });
  }
}

/** Runs `work` for every item, so many at a time; the results are in the items' order. */
export async function forAll<T, R>(items: readonly T[], atATime: number, work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, items.length) }, worker));
  return results;
}
