import pg from 'pg';

/** From a failure to the next try. */
const RECONNECT_MS = 1_000;
/** How often the connection is asked whether it is still one to the server that takes writes: notifications come from nowhere else. */
const ASK_MS = 10_000;
const ANSWER_MS = 5_000;

/**
 * Listens to a channel on a connection of its own, made as those of the pool are: to the same servers, with the same limits. It comes back by
 * itself; whoever listens is told then, since it may have missed something. An embedded database has one session, which must not be held: there
 * nobody is told anything. Gives what ends it.
 */
export function listen(pool: pg.Pool, channel: string, heard: () => void): () => Promise<void> {
  if (!(pool instanceof pg.Pool)) return async () => {};
  const listener = new Listener(pool, channel, heard);
  const running = listener.run();
  return async () => {
    listener.stop();
    await running;
  };
}

/**
 * Owns: one connection. Invariant: whatever goes wrong with it, another one takes its place until it is stopped; nothing throws.
 */
class Listener {
  private readonly pool: pg.Pool;
  private readonly stopping = new AbortController();

  constructor(
    of: pg.Pool,
    private readonly channel: string,
    private readonly heard: () => void,
  ) {
    // Of the same class, so that both know the same server as the writable one.
    const SamePool = of.constructor as typeof pg.Pool;
    this.pool = new SamePool({ ...of.options, max: 1, min: 0, idleTimeoutMillis: 0 });
    this.pool.on('error', ignore);
  }

  stop(): void {
    this.stopping.abort();
  }

  async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.listenOnce().catch(ignore);
      await pause(RECONNECT_MS, signal);
    }
    await this.pool.end().catch(ignore);
  }

  /** Until the connection is lost, or of no use any more. */
  private async listenOnce(): Promise<void> {
    const { signal } = this.stopping;
    const client = await this.pool.connect();
    const lost = new AbortController();
    const ended = () => lost.abort();
    client.on('error', ended);
    client.on('end', ended);
    client.on('notification', this.heard);
    try {
      await client.query(`listen "${this.channel}"`);
      this.heard();
      const over = AbortSignal.any([signal, lost.signal]);
      while (!over.aborted) {
        await pause(ASK_MS, over);
        if (!over.aborted) await assertWritable(client);
      }
    } finally {
      client.off('notification', this.heard);
      client.release(true);
    }
  }
}

async function assertWritable(client: pg.PoolClient): Promise<void> {
  const query = { text: 'select pg_is_in_recovery() as standby', query_timeout: ANSWER_MS };
  const { rows } = await client.query<{ standby: boolean }>(query);
  if (rows[0]?.standby) throw new Error('the server takes no writes any more');
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

function ignore(): void {}
