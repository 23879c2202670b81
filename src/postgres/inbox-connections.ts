import type { QueryConfig } from 'pg';

/** The part of a pg client that the inbox uses; a pool client, a client and TypeORM's connections all have it. */
export interface SqlClient {
  query(text: string, values?: unknown[]): Promise<SqlResult>;
  query(config: QueryConfig): Promise<SqlResult>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}
/** What statements need of it. */
export type Queries = Pick<SqlClient, 'query'>;
export interface SqlResult {
  readonly rows: unknown[];
  readonly rowCount: number | null;
  readonly command?: string;
}

/** One connection, taken from a pool, and the user's handle on it. */
export interface InboxConnection<Tx> {
  readonly tx: Tx;
  readonly client: SqlClient;
  /** Begins a READ COMMITTED transaction and runs `setup` in it; gives the result of its last statement. */
  begin(setup: string): Promise<SqlResult>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Back to the pool; `isBroken`: closed instead. */
  release(isBroken: boolean): Promise<void>;
}
/** Where the inbox takes its connections from. */
export interface InboxConnections<Tx> {
  open(): Promise<InboxConnection<Tx>>;
  /** Connections at most; `undefined` when nobody knows. */
  readonly max: number | undefined;
  close(): Promise<void>;
}
