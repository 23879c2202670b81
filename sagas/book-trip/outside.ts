import { injectable } from 'inversify';
import { setTimeout as delay } from 'node:timers/promises';
import { NIGHT_CENTS } from './offers.js';

/** Longer than the saga's deadline. */
const BY_HAND_MS = 7_000;

/** A chain of hotels, played. In Naples somebody has to walk to the desk when a trip is long; in Reykjavik nothing is free for long. */
@injectable()
export class HotelChain {
  async book(_key: string, city: string, nights: number): Promise<{ cents: number } | 'sold-out'> {
    await delay(city === 'NAP' && nights > 10 ? BY_HAND_MS : 2);
    const cents = NIGHT_CENTS[city];
    return cents === undefined || (city === 'KEF' && nights > 7) ? 'sold-out' : { cents: cents * nights };
  }
  async cancel(_key: string): Promise<void> {
    await delay(1);
  }
}
