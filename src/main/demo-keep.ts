import { setTimeout as delay } from 'node:timers/promises';
import { ApiClient } from '../http/api-client.js';
import type { DemoOrder } from './demo-proof.js';

/** Between two orders; by turns, so that the minutes differ. */
const GAPS_MS = [250, 900, 400, 1_600, 120, 700, 2_200, 300] as const;
/** Every so many orders something comes back. */
const RETURN_EVERY = 6;
/** What comes back, by turns: most go well, one shelf is locked, and nobody fetches a table. */
const ITEMS = ['tea', 'mug', 'raku teapot', 'kettle', 'tea', 'oak table', 'biscuits', 'mug'] as const;
/** More of those that need a person would only bury the dashboard. */
const MOST_TROUBLED = 12;
const TROUBLED: readonly string[] = ['raku teapot', 'oak table'];

export interface KeepOptions {
  readonly url: string;
  /** Placed again and again under new ids. */
  readonly orders: readonly DemoOrder[];
  /** Whether `return-parcel` is loaded. */
  readonly returns: boolean;
  readonly signal: AbortSignal;
}

/** New orders, and parcels that come back, until it is told to end. A server that is away for a moment loses some of them. */
export async function keepGoing({ url, orders, returns, signal }: KeepOptions): Promise<void> {
  const api = new ApiClient({ url });
  let troubled = 0;
  for (let number = 1; !signal.aborted; number++) {
    const order = orders[number % orders.length]!;
    await start(api, 'place-order', { ...order, orderId: `k-${String(number).padStart(5, '0')}` });
    if (returns && number % RETURN_EVERY === 0) {
      const item = ITEMS[(number / RETURN_EVERY) % ITEMS.length]!;
      const isTroubled = TROUBLED.includes(item);
      if (!isTroubled || troubled < MOST_TROUBLED) await comesBack(api, number, item, isTroubled ? ++troubled : 0);
    }
    await delay(GAPS_MS[number % GAPS_MS.length], undefined, { signal }).catch(() => {});
  }
}

/** The fourth of the troubled ones is one that somebody has taken in hand. */
async function comesBack(api: ApiClient, number: number, item: string, troubled: number): Promise<void> {
  const id = await start(api, 'return-parcel', { returnId: `r-${String(number).padStart(5, '0')}`, item });
  if (id === undefined || item !== 'oak table' || troubled % 4 !== 0) return;
  await api.operate(id, 'suspend', { by: 'ada', reason: 'the customer wants to keep the table after all' }).catch(() => {});
}

async function start(api: ApiClient, name: string, input: unknown): Promise<string | undefined> {
  try {
    return (await api.start({ name, input })).id;
  } catch {
    // It is being stopped, or its database is slow; the next one will do.
    return undefined;
  }
}
