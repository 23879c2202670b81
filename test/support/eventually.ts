import { setTimeout as delay } from 'node:timers/promises';

/**
 * Asks again and again until `check` gives something truthy, and returns that. A check that throws, an `expect` for instance, does not hold yet.
 * For what announces itself await the event instead; this is for other processes.
 *
 * @throws when it does not hold within `withinMs` (default 5 seconds), naming the condition, with the last failure as cause
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { withinMs = 5_000, everyMs = 20, what = check.toString() }: { withinMs?: number; everyMs?: number; what?: string } = {},
): Promise<NonNullable<T>> {
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    const [value, cause] = await attempt(check);
    if (value) return value;
    if (performance.now() >= giveUpAt) throw new Error(`not within ${withinMs} ms: ${what}`, { cause });
    await delay(everyMs);
  }
}

async function attempt<T>(check: () => T | Promise<T>): Promise<[value: T | undefined, cause?: unknown]> {
  try {
    return [await check()];
  } catch (error: unknown) {
    return [undefined, error];
  }
}
