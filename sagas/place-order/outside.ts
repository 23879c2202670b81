import { injectable } from 'inversify';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Companies that are not ours. They are played here, but as they behave: they may be slow, they may fail on the way, and a call with a
 * key that they know is answered as before, which is what makes calling them again safe.
 */

const LIMIT_CENTS = 250_000;

/** A card gateway. It decides by the card alone, so the same key always gets the same answer. */
@injectable()
export class CardGateway {
  /** Throws when the line drops: whether the card was charged is then unknown, and the call may be made again with the same key. */
  async charge(call: { key: string; card: string; cents: number; attempt: number }): Promise<'approved' | 'declined' | 'over-limit'> {
    await delay(1);
    if (call.card.endsWith('-flaky') && call.attempt === 1) throw new Error('the card gateway closed the connection');
    if (call.card.endsWith('-declined')) return 'declined';
    return call.cents > LIMIT_CENTS ? 'over-limit' : 'approved';
  }
  /** Gives back what was charged under the key; nothing where nothing was. */
  async refund(_key: string): Promise<void> {
    await delay(1);
  }
}

/** Postcode areas whose depot still takes bookings by fax. */
const SLOW_DEPOTS = ['AB', 'IV', 'KW'];
const SLOW_ANSWER_MS = 3_000;

/** A haulier. Every depot takes bookings; some take their time. */
@injectable()
export class Haulier {
  async book(_key: string, postcode: string): Promise<{ truck: string; feeCents: number }> {
    const depot = areaOf(postcode);
    await delay(SLOW_DEPOTS.includes(depot) ? SLOW_ANSWER_MS : 2);
    return { truck: `${depot}-7.5t`, feeCents: 4_900 };
  }
  async cancel(_key: string): Promise<void> {
    await delay(1);
  }
}

/** The letters a postcode begins with: `LS6 2AB` is in `LS`. */
export function areaOf(postcode: string): string {
  return /^[A-Z]+/.exec(postcode)?.[0] ?? '';
}
