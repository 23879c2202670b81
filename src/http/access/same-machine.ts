import type { Context } from 'hono';
import { SagaError } from '../../core/errors.js';

const NAME_OF_THIS_MACHINE = /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Without authentication whoever reaches the server may everything, and a browser on this machine reaches it for the pages it shows. So
 * requests under a name that somebody else's DNS may lead here are refused, and those that another page sends.
 */
export function refuseForeign(c: Context): void {
  const { hostname, host } = new URL(c.req.url);
  if (!NAME_OF_THIS_MACHINE.test(hostname))
    throw new SagaError('SAGA_FORBIDDEN', 'a server without authentication answers to names of this machine only, such as localhost');
  const origin = c.req.header('origin');
  if (origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host))
    throw new SagaError('SAGA_FORBIDDEN', 'a server without authentication takes no requests from pages of other origins');
}

/** Whether only this machine reaches what listens there. */
export function isOfThisMachine(host: string): boolean {
  return host === '::1' || NAME_OF_THIS_MACHINE.test(host.toLowerCase());
}
