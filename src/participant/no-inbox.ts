import { SagaError } from '../core/errors.js';
import type { ExclusiveResult, InboxResult, InboxStore } from '../ports/inbox.js';

/**
 * Where handled commands are recorded: `typeormInbox(dataSource)`, `pgInbox(pool)`, {@link noInbox}, or the user's own. `Tx` is what
 * handlers get as `tx`.
 */
export type Inbox<Tx> = InboxStore<Tx>;

/**
 * Nothing is recorded: handlers run without a transaction, once for every copy of a command that comes. Only for participants whose
 * contract says `{ inbox: false }`; see docs/guarantees.md for what is left of the promises.
 */
export function noInbox(): Inbox<undefined> {
  return NOTHING;
}

/** The store behind an inbox; `undefined` when it keeps nothing. */
export function storeOf<Tx>(inbox: Inbox<Tx>): InboxStore<Tx> | undefined {
  return (inbox as unknown) === NOTHING ? undefined : inbox;
}

class NoInbox implements InboxStore<undefined> {
  async transact<R>(): Promise<InboxResult<R>> {
    throw keepsNothing();
  }
  async exclusively<R>(): Promise<ExclusiveResult<R>> {
    throw keepsNothing();
  }
  async prune(): Promise<number> {
    throw keepsNothing();
  }
  async now(): Promise<number> {
    throw keepsNothing();
  }
  async migrate(): Promise<void> {}
  async close(): Promise<void> {}
}
const NOTHING = new NoInbox();

function keepsNothing(): SagaError {
  return new SagaError('SAGA_INTERNAL', 'noInbox() keeps nothing');
}
