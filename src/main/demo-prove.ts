import type { SummaryView } from '../http/schemas.js';
import { summaryView } from '../http/saga-view.js';
import type { Logger } from '../ports/logger.js';
import { connect } from '../postgres/connect.js';
import { PostgresSagaStore } from '../postgres/postgres-saga-store.js';
import { withSearchPath } from './demo-database.js';
import type { DemoOrder } from './demo-proof.js';
import type { AskParticipant } from './demo-stage.js';
import { schemaFor } from './hosts.js';

const PAGE = 500;

/** Orders that were placed by other means: what the sagas and the participants' ledgers say of them. */
export interface PlacedOrders {
  readonly orders: readonly DemoOrder[];
  readonly sagas: readonly SummaryView[];
  readonly ask: AskParticipant;
  close(): Promise<void>;
}

/**
 * Opens the database of the environment, in which a daemon and the participants of place-order have run, and reads its sagas. The orders
 * are their inputs.
 */
export async function openPlaced(options: {
  readonly logger: Logger;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): Promise<PlacedOrders> {
  const { logger, environment } = options;
  const url = environment['BACKSTEP_POSTGRES_URL'];
  if (!url) throw new Error('BACKSTEP_POSTGRES_URL is not set');
  const participantsUrl = environment['BACKSTEP_PARTICIPANTS_POSTGRES_URL'] || url;
  const store = new PostgresSagaStore(
    await connect({ url, namespace: environment['BACKSTEP_NAMESPACE'] || 'backstep', poolSize: 1, logger }),
  );
  const opened: { destroy(): Promise<void> }[] = [];
  const orders: DemoOrder[] = [];
  const sagas: SummaryView[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({ name: 'place-order', limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    orders.push(...page.sagas.map(({ state }) => state.input as unknown as DemoOrder));
    sagas.push(...page.sagas.map(({ state }) => summaryView(state)));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return {
    orders,
    sagas,
    ask: async (participant, sql) => {
      const database = await connect({ url: withSearchPath(participantsUrl, schemaFor(participant)), poolSize: 1, logger });
      opened.push(database);
      return database.query<Record<string, unknown>[]>(sql);
    },
    close: async () => {
      for (const database of opened) await database.destroy();
      await store.close();
    },
  };
}
