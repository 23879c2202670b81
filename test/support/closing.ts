/**
 * Closes `close` when the test file that is running has ended, after its own hooks; the latest comes first. What a helper opens is closed
 * this way even if the test forgets. See `environment.mjs`, which calls it.
 */
export function closeAtEnd(close: () => Promise<void>): void {
  const open = ((globalThis as { backstepOpen?: (() => Promise<void>)[] }).backstepOpen ??= []);
  open.push(close);
}
