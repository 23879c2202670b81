import pg from 'pg';

/** A statement without parameters that a connection prepares once. */
export interface Prepared {
  readonly name: string;
  readonly text: string;
}
/** What is run around a statement, in its order. */
export interface Around {
  readonly before: readonly Prepared[];
  readonly after: readonly Prepared[];
}
export interface Piped {
  readonly result: pg.QueryResult;
  /** The command tag of what was run last: `COMMIT`, for instance. */
  readonly lastTag: string | undefined;
}

// Parts of the driver that are not in its types.
interface Connection {
  parse(statement: Prepared): void;
  bind(of: { readonly statement: string }): void;
  execute(portal: object): void;
  sync(): void;
}
interface DriverQuery extends pg.Submittable {
  _getRows(connection: Connection, rows: number | undefined): void;
  prepare(connection: Connection): void;
  handleDataRow(message: object): void;
  handleCommandComplete(message: { readonly text?: string }, connection: Connection): void;
}
type OnEnd = (error: Error | null | undefined, result: pg.QueryResult) => void;
const DriverQuery = pg.Query as unknown as new (query: pg.QueryConfig, onEnd: OnEnd) => DriverQuery;

/** Several statements with one synchronization at their end, so that the server answers all of them at once. */
class PipedQuery extends DriverQuery {
  lastTag: string | undefined;
  private before: number;
  private isOver = false;

  constructor(
    query: pg.QueryConfig,
    private readonly around: Around,
    onEnd: OnEnd,
  ) {
    super({ ...query, queryMode: 'extended' } as pg.QueryConfig, onEnd);
    this.before = around.before.length;
  }

  override prepare(connection: Connection): void {
    for (const statement of this.around.before) run(connection, statement);
    super.prepare(connection);
  }
  override _getRows(connection: Connection): void {
    connection.execute({});
    for (const statement of this.around.after) run(connection, statement);
    connection.sync();
  }

  override handleDataRow(message: object): void {
    if (this.before === 0 && !this.isOver) super.handleDataRow(message);
  }
  override handleCommandComplete(message: { readonly text?: string }, connection: Connection): void {
    this.lastTag = message.text;
    if (this.before > 0) this.before -= 1;
    else if (!this.isOver) {
      this.isOver = true;
      super.handleCommandComplete(message, connection);
    }
  }
}

/** Prepares statements and runs none. */
class Preparation extends DriverQuery {
  constructor(
    private readonly statements: readonly Prepared[],
    onEnd: OnEnd,
  ) {
    super({ text: '' }, onEnd);
    this.submit = (connection) => {
      const open = connection as unknown as Connection;
      for (const statement of this.statements) open.parse(statement);
      open.sync();
    };
  }
}

function run(connection: Connection, { name }: Prepared): void {
  connection.bind({ statement: name });
  connection.execute({});
}

/** What a client has prepared for {@link piped}. */
const known = new WeakMap<object, Set<string>>();

/** The client sends before it was answered, and the driver is as it was when this was written. */
export function canPipe(client: pg.PoolClient): boolean {
  const { prototype } = pg.Query as unknown as { prototype: Partial<DriverQuery> };
  return Boolean(client.pipeline) && typeof prototype.prepare === 'function' && typeof prototype._getRows === 'function';
}

/**
 * Runs a statement with others around it: one write to the socket, and one answer, where each of them by itself would be answered by a
 * packet of its own, which the server has to send and this process to read. What fails ends all of it; a transaction that was begun stays open then.
 */
export function piped(client: pg.PoolClient, query: pg.QueryConfig, around: Around): Promise<Piped> {
  const prepared = known.get(client) ?? new Set();
  known.set(client, prepared);
  const missing = [...around.before, ...around.after].filter(({ name }) => !prepared.has(name));
  for (const { name } of missing) prepared.add(name);
  // Should it fail, so does what needs it.
  if (missing.length > 0) client.query(new Preparation(missing, () => {}));
  return new Promise((resolve, reject) => {
    const sent = new PipedQuery(query, around, (error, result) => {
      if (error) reject(error);
      else resolve({ result, lastTag: sent.lastTag });
    });
    client.query(sent);
  });
}
