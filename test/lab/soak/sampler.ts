import amqp from 'amqplib';
import pg from 'pg';
import type { Installation, Servers } from '../kit/installation.js';

/** What a look at the servers finds; sums over the tables of the installation's schema. */
export interface Look {
  readonly process: 'servers';
  readonly [measure: string]: number | string;
}

const MEASURES = (schema: string) => `
  with stats as (select * from pg_stat_user_tables where schemaname = '${schema}')
  select
    (select coalesce(sum(n_tup_ins), 0)::float8 from stats where relname like 'finished_saga%') as "sagasEnded",
    (select coalesce(sum(n_live_tup), 0)::float8 from stats where relname like 'saga%' and relname not like 'saga_history%' and relname not like 'saga_key%') as "liveRows",
    (select coalesce(sum(n_dead_tup), 0)::float8 from stats) as "deadRows",
    (select coalesce(sum(n_tup_upd + n_tup_del), 0)::float8 from stats) as "changedRows",
    (select coalesce(sum(n_tup_hot_upd)::float8 / nullif(sum(n_tup_upd), 0), 0) from stats) as "hotUpdates",
    (select coalesce(sum(pg_total_relation_size(relid)) / 1048576.0, 0)::float8 from stats) as "tablesMiB",
    (select count(*)::float8 from pg_stat_activity where datname = current_database()) as "postgresConnections",
    (select coalesce(max(extract(epoch from now() - wake_at)) * 1000, 0)::float8 from ${schema}.saga where wake_at < now()) as "oldestTimerMs"`;

// Ids begin with the time of the start (UUID version 7), so that the newest are one range of the primary key.
const LATENCY = (schema: string) => `
  select coalesce(percentile_cont(0.5) within group (order by took), 0)::float8 as "p50Ms",
         coalesce(percentile_cont(0.99) within group (order by took), 0)::float8 as "p99Ms"
  from (select extract(epoch from ended_at - started_at) * 1000 as took from ${schema}.finished_saga where id >= $1 order by id limit 5000) as newest`;
/** Sagas of these last seconds count for the latency. */
const NEWEST_MS = 8_000;

/**
 * Looks at database and broker while they work. Owns: a connection to each, which count among those that it finds. Does not own: the
 * servers.
 */
export class Sampler {
  private ctlAt = 0;
  private broker: Record<string, number> = {};

  private constructor(
    private readonly lab: Installation,
    private readonly servers: Servers,
    private readonly client: pg.Client,
    private readonly connection: amqp.ChannelModel,
    private readonly channel: amqp.Channel,
    /** Between two calls of rabbitmqctl, each of which costs a second of a core. */
    private readonly ctlEveryMs: number,
  ) {}

  static async open(lab: Installation, servers: Servers, ctlEveryMs: number): Promise<Sampler> {
    const client = new pg.Client({ connectionString: lab.databaseUrl });
    client.on('error', () => undefined);
    await client.connect();
    const connection = await amqp.connect(servers.rabbitmqUrl);
    connection.on('error', () => undefined);
    return new Sampler(lab, servers, client, connection, await connection.createChannel(), ctlEveryMs);
  }

  async look(): Promise<readonly Look[]> {
    const { namespace, queues } = this.lab;
    const { rows } = await this.client.query<Record<string, number>>(MEASURES(namespace));
    const latency = await this.client.query<Record<string, number>>(LATENCY(namespace), [lowestIdAt(Date.now() - NEWEST_MS)]);
    const names = [queues.replies, queues.starts, queues.deadLetters, ...queues.commands];
    const depths = await Promise.all(names.map(async (name) => (await this.channel.checkQueue(name)).messageCount));
    void this.askBroker().catch(() => undefined);
    const queued = depths.reduce((sum, depth) => sum + depth, 0);
    return [{ process: 'servers', ...rows[0], ...latency.rows[0], queued, ...this.broker }];
  }

  async close(): Promise<void> {
    await this.connection.close().catch(() => undefined);
    await this.client.end().catch(() => undefined);
  }

  private async askBroker(): Promise<void> {
    const { rabbitmq } = this.servers;
    if (rabbitmq === undefined || performance.now() < this.ctlAt) return;
    this.ctlAt = performance.now() + this.ctlEveryMs;
    const said = await rabbitmq.ctl('eval', '{length(rabbit_networking:connections()), length(rabbit_channel:list())}.');
    const [, connections, channels] = /\{(\d+),\s*(\d+)\}/.exec(said) ?? [];
    this.broker = { amqpConnections: Number(connections), amqpChannels: Number(channels) };
  }
}

function lowestIdAt(at: number): string {
  const hex = Math.floor(at).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
