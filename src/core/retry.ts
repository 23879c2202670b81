/** How often and how soon a command is tried again. `attempts` counts the first try. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

/** What a step gets that says nothing. Undoing is more patient than doing: there is nothing else left to do. */
export const DEFAULTS = {
  timeoutMs: 30_000,
  doing: { attempts: 5, initialMs: 200, factor: 2, maxMs: 30_000 },
  undoing: { attempts: 20, initialMs: 500, factor: 2, maxMs: 300_000 },
  fencing: { attempts: 10, initialMs: 500, factor: 2, maxMs: 60_000 },
} as const satisfies { timeoutMs: number; doing: RetryPolicy; undoing: RetryPolicy; fencing: RetryPolicy };

/**
 * Gap before the first resend: after a broker message 30 s, else (timer, HTTP) 5 s, since nobody redelivers those. Then 30 s, doubling up to
 * 10 min: what was sent twice and is not answered mostly waits for a participant, and a hundred thousand of those are not to be asked every few seconds.
 */
export const RESEND = { afterMessageMs: 30_000, afterTimerMs: 5_000, maxMs: 600_000 } as const;

/**
 * The wait before try number `tries + 1`: exponential, with jitter between half and the whole of it. The jitter is a hash of
 * command id and attempt, not chance, so that deciding stays a pure function.
 */
export function nextDelay(policy: RetryPolicy, tries: number, commandId: string, attempt: number): number {
  const full = Math.min(policy.maxMs, policy.initialMs * policy.factor ** Math.max(0, tries - 1));
  return Math.round(full / 2 + (full / 2) * fraction(`${commandId}#${attempt}`));
}

/** FNV-1a, 32 bits, as a fraction of 1. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) / 0x1_0000_0000;
}
