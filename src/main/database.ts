import { messageOf, SagaError } from '../core/errors.js';
import { formatDuration } from '../core/duration.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { connect, type ConnectOptions } from '../postgres/connect.js';
import { sqlState } from '../postgres/fate.js';

/** A connected data source; whoever opened it destroys it. */
export type Database = Awaited<ReturnType<typeof connect>>;

export interface DatabaseOptions extends ConnectOptions {
  readonly logger: Logger;
  /** How long to wait for a database that is not up yet; milliseconds. */
  readonly waitMs: number;
  readonly clock: Clock;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;
/** Wrong user, wrong password, no such database: waiting does not mend these. */
const LASTING = /^(28|3D)/;

/**
 * Connects, and waits for a database that is not up yet, as when everything starts at once. Throws SAGA_UNAVAILABLE with a sentence that
 * names host and database, never the password.
 */
export async function openDatabase({ waitMs, clock, ...options }: DatabaseOptions): Promise<Database> {
  const giveUpAt = clock.monotonic() + waitMs;
  let pauseMs = FIRST_PAUSE_MS;
  for (let tries = 1; ; tries++) {
    try {
      return await connect(options);
    } catch (caught: unknown) {
      if (caught instanceof SagaError && caught.code !== 'SAGA_UNAVAILABLE') throw caught;
      const error = caught instanceof SagaError ? (caught.cause ?? caught) : caught;
      const state = sqlState(error) ?? '';
      const isLasting = LASTING.test(state);
      if (isLasting || clock.monotonic() + pauseMs > giveUpAt) {
        const waited = tries > 1 ? ` (tried for ${formatDuration(waitMs)})` : '';
        throw new SagaError('SAGA_UNAVAILABLE', `the database at ${placesIn(options.url)} cannot be used: ${whyNot(error)}${waited}`, [], {
          cause: error,
        });
      }
      if (tries === 1)
        options.logger.warn({ database: placesIn(options.url), error: whyNot(error) }, 'the database is not there yet; waiting for it');
      await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    }
  }
}

/** Hosts and databases of a list of URLs, for people. */
export function placesIn(urls: string): string {
  return urls
    .split(',')
    .map((url) => {
      const { host, pathname } = new URL(url.trim());
      return `${host || 'the local socket'}${pathname}`;
    })
    .join(', ');
}

/** A failed connection to a host with several addresses says nothing itself; its parts do. */
function whyNot(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map((one: unknown) => messageOf(one)))].join('; ');
  return messageOf(error) || 'no answer';
}
