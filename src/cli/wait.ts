import type { ApiClient } from '../http/api-client.js';
import type { SagaView } from '../http/schemas.js';

/** One request waits no longer than this, so that a saga that gets stuck is noticed soon. */
const ROUND_MS = 5_000;

/**
 * Waits until the saga is final, or stuck (which only a person can end), or `waitMs` have passed (`undefined`: no limit), and gives it
 * as it is then.
 */
export async function waitForEnd(api: ApiClient, id: string, waitMs: number | undefined, now: () => number): Promise<SagaView> {
  const giveUpAt = waitMs === undefined ? Infinity : now() + waitMs;
  for (;;) {
    const leftMs = Math.max(0, giveUpAt - now());
    const saga = await api.saga(id, Math.ceil(Math.min(ROUND_MS, leftMs)));
    if (saga.endedAt !== null || (saga.status === 'stuck' && waitMs === undefined) || now() >= giveUpAt) return saga;
  }
}
