import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import amqp from 'amqplib';
import pg from 'pg';
import { DAEMONS } from '../../../src/engine/topology.js';
import { freePorts, startPrivatePostgres, startPrivateRabbit } from '../../support/private-servers.mjs';
import type { PrivateRabbit, PrivateServer } from '../../support/private-servers.mjs';
import { Api } from './api.js';
import { BROKER_PASSWORD, plant, type Planted } from './canaries.js';
import type { Manifest } from './evidence.js';
import { closeConnections, useToken } from './http.js';
import { backstepBin, LabProcess } from './processes.js';
import { WORKLOADS, type WorkloadName } from './workloads/all.js';

export type { PrivateRabbit, PrivateServer };

/** PostgreSQL and RabbitMQ of an experiment. */
export interface Servers {
  readonly postgresUrl: string;
  readonly rabbitmqUrl: string;
  /** Where they are the experiment's own, and may be treated badly. */
  readonly postgres?: PrivateServer;
  readonly rabbitmq?: PrivateRabbit;
  dispose(): Promise<void>;
}

/** Starts what is not given by URL. `settings` are PostgreSQL's, as in postgresql.conf. */
export async function openServers(
  given: {
    readonly postgresUrl?: string | undefined;
    readonly rabbitmqUrl?: string | undefined;
    readonly settings?: Record<string, string>;
    /** The private broker has a password that can be looked for: see `canaries` of an installation. */
    readonly canaries?: boolean;
  } = {},
): Promise<Servers> {
  const [postgres, rabbitmq] = await Promise.all([
    given.postgresUrl === undefined ? startPrivatePostgres({ settings: given.settings }) : undefined,
    given.rabbitmqUrl === undefined ? startPrivateRabbit(given.canaries ? { password: BROKER_PASSWORD } : {}) : undefined,
  ]);
  return {
    postgresUrl: given.postgresUrl ?? postgres!.url,
    rabbitmqUrl: given.rabbitmqUrl ?? rabbitmq!.url,
    ...(postgres && { postgres }),
    ...(rabbitmq && { rabbitmq }),
    dispose: async () => {
      await Promise.all([postgres?.dispose(), rabbitmq?.dispose()]);
    },
  };
}

/** Other addresses of the servers, e.g. a proxy's; only host and port of them count, and of several with commas each one's. */
export interface Via {
  readonly postgres?: string | undefined;
  readonly rabbitmq?: string | undefined;
}

export interface InstallationOptions {
  readonly servers: Servers;
  /** The evidence's folder: logs, manifest. */
  readonly directory: string;
  readonly workloads: readonly WorkloadName[];
  /** Default 2. */
  readonly daemons?: number;
  /** Processes with all participants, or for each process the participants that it hosts. Default 1. */
  readonly hosts?: number | readonly (readonly string[])[];
  /** A folder with `dist/`, `package.json` and `node_modules`. Default: this repository. */
  readonly build?: string;
  /** Where a process finds the servers; asked at every start of it. Default: directly. */
  readonly via?: (process: string) => Via;
  /** For every process. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default `info`. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Folders with sagas instead of the workloads' own. */
  readonly sagas?: readonly string[];
  /** The participants of those folders. Default: the workloads'. */
  readonly participants?: readonly string[];
  /**
   * Configured with secrets that can be looked for in everything that the run leaves (V19): a token, passwords, and, unless `without-keys`, a
   * signing key for each participant. For private servers of `openServers({ canaries: true })`. Default: none, nobody is asked who they are.
   */
  readonly canaries?: 'all' | 'without-keys' | undefined;
  /** Lower-case letters, digits, `_`. Default: a name that nobody else has. */
  readonly namespace?: string;
}

/** What `backstep` runs Node with. */
const NODE_ARGS = ['--max-semi-space-size=16', '--heap-growing-percent=150'];

/**
 * Backstep as somebody would install it: a database, a namespace, daemons on fixed ports, participants' processes.
 * Owns: the processes and the database. Does not own: the servers.
 */
export class Installation {
  readonly namespace: string;
  /** Direct, not by way of a proxy: for bookkeeping and checks. */
  readonly databaseUrl: string;
  readonly daemons: readonly LabProcess[];
  readonly hosts: readonly LabProcess[];
  /** Of each daemon, in their order; the same through every restart. */
  readonly api: readonly string[];
  readonly participants: readonly string[];
  readonly queues: {
    readonly replies: string;
    /** There only where several daemons are. */
    readonly ofDaemons: readonly string[];
    readonly starts: string;
    readonly deadLetters: string;
    readonly commands: readonly string[];
  };
  private written: Manifest | undefined;
  private readonly planted: Planted | undefined;

  private constructor(
    readonly options: InstallationOptions,
    private readonly database: string,
    private readonly ports: readonly number[],
  ) {
    this.namespace = options.namespace ?? `lab_${randomBytes(5).toString('hex')}`;
    this.databaseUrl = withPath(options.servers.postgresUrl, `/${database}`);
    this.api = ports.map((port) => `http://127.0.0.1:${port}`);
    this.participants = options.participants ?? options.workloads.flatMap((name) => WORKLOADS[name].participants);
    this.queues = {
      replies: `${this.namespace}.replies`,
      ofDaemons: DAEMONS.map((daemon) => `${this.namespace}.replies.${daemon}`),
      starts: `${this.namespace}.starts`,
      deadLetters: `${this.namespace}.dead-letters`,
      commands: this.participants.map((participant) => `${this.namespace}.commands.${participant}`),
    };
    const { canaries, directory } = options;
    if (canaries) {
      this.planted = plant(directory, this.namespace, canaries === 'all' ? this.participants : []);
      useToken(this.planted.token);
    }
    this.daemons = ports.map((_, i) => this.daemon(i));
    const { hosts = 1 } = options;
    const hosted = typeof hosts === 'number' ? Array.from({ length: hosts }, () => []) : hosts;
    this.hosts = hosted.map((only, i) => this.host(i, only));
  }

  /** Makes database and schema; nothing runs yet. */
  static async open(options: InstallationOptions): Promise<Installation> {
    mkdirSync(join(options.directory, 'logs'), { recursive: true });
    const database = `lab_${randomBytes(6).toString('hex')}`;
    await query(options.servers.postgresUrl, `create database ${database} template template0 encoding 'UTF8'`);
    const made = new Installation(options, database, await freePorts(options.daemons ?? 2));
    try {
      await made.migrate();
    } catch (error: unknown) {
      await made.dispose();
      throw error;
    }
    return made;
  }

  /** Starts all daemons and participants, and waits until they are up. */
  async start(): Promise<this> {
    const [first, ...others] = this.hosts;
    // The first makes the schemas; mutated builds may be older than the fix for two that do so at once.
    if (first) await this.run(first);
    await Promise.all([...this.daemons, ...others].map((process) => this.run(process)));
    return this;
  }
  /** Starts one of them, or starts it again; its servers' addresses are asked for anew. */
  async run(process: LabProcess, withinMs?: number): Promise<LabProcess> {
    return process.start({ env: this.envOf(process.name), ...(withinMs === undefined ? {} : { withinMs }) });
  }
  /** `kill -9` and start again. */
  async restart(process: LabProcess): Promise<LabProcess> {
    if (process.isRunning) await process.kill();
    return this.run(process);
  }

  async migrate(): Promise<void> {
    const process = new LabProcess({ ...this.common('migrate'), args: [this.bin, 'migrate'] });
    await process.start({ env: this.envOf('migrate') });
    const { code, signal } = await process.ended();
    if (code !== 0) throw new Error(`backstep migrate ended with ${code ?? signal}:\n${process.log.slice(-2_000)}`);
  }

  /** The daemons that run, by URL; all of them where none does. */
  get running(): readonly string[] {
    const running = this.api.filter((_, i) => this.daemons[i]!.isRunning);
    return running.length > 0 ? running : this.api;
  }
  /** Reads the public API of whichever daemon answers. */
  client(patienceMs?: number): Api {
    return new Api(this.api, patienceMs);
  }

  /** Writes `manifest.json`; a second time with what has become known, such as `healedAt`. */
  writeManifest(facts: Partial<Manifest> & (Pick<Manifest, 'experiment' | 'seed'> | object)): Manifest {
    const defaults: Manifest = {
      experiment: 'unnamed',
      seed: 0,
      startedAt: new Date().toISOString(),
      endWithinMs: 60_000,
      api: this.api,
      namespace: this.namespace,
      brokerUrl: this.options.servers.rabbitmqUrl,
      ledgerUrl: this.databaseUrl,
      storeUrl: this.databaseUrl,
      participants: this.participants,
      queues: [this.queues.replies, this.queues.starts, ...this.queues.commands],
      perhapsQueues: this.queues.ofDaemons,
      deadLetterQueue: this.queues.deadLetters,
      expectedStuck: [],
      injectedRubbish: 0,
      wanted: [],
    };
    this.written = { ...defaults, ...this.written, ...facts };
    writeFileSync(join(this.options.directory, 'manifest.json'), `${JSON.stringify(this.written, undefined, 2)}\n`);
    return this.written;
  }

  /** SIGTERM to everything that runs; gives what did not end with 0. */
  async stop(): Promise<readonly string[]> {
    const running = [...this.daemons, ...this.hosts].filter((process) => process.isRunning);
    const exits = await Promise.all(running.map(async (process) => ({ name: process.name, exit: await process.stop() })));
    return exits.filter(({ exit }) => exit.code !== 0).map(({ name, exit }) => `${name} ended with ${exit.code ?? exit.signal}`);
  }

  /** Kills what runs, and removes database and queues (where the servers still answer). */
  async dispose(): Promise<void> {
    await Promise.all([...this.daemons, ...this.hosts].filter((process) => process.isRunning).map((process) => process.kill()));
    closeConnections();
    if (!this.options.servers.postgres)
      await query(this.options.servers.postgresUrl, `drop database if exists ${this.database} with (force)`).catch(() => undefined);
    if (!this.options.servers.rabbitmq) await this.deleteQueues().catch(() => undefined);
  }

  /** One statement on the installation's database, directly. */
  async query<R extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<R[]> {
    return query<R>(this.databaseUrl, sql, values);
  }

  private daemon(i: number): LabProcess {
    const name = `daemon-${i + 1}`;
    return new LabProcess({
      ...this.common(name),
      args: [this.bin, 'serve', '--port', String(this.ports[i]), ...this.sagaArgs],
      ready: /listening on http/,
    });
  }
  private host(i: number, only: readonly string[]): LabProcess {
    return new LabProcess({
      ...this.common(`participants-${i + 1}`),
      args: [this.bin, 'participants', ...this.sagaArgs, ...(only.length > 0 ? ['--only', only.join(',')] : [])],
      ready: /participants are up/,
    });
  }
  private common(name: string) {
    const nodeArgs = [...NODE_ARGS, ...(this.options.nodeArgs ?? [])];
    return { name, directory: this.options.directory, nodeArgs, env: this.envOf(name) };
  }
  private get bin(): string {
    return backstepBin(this.options.build);
  }
  private get sagaArgs(): string[] {
    const build = resolve(this.options.build ?? '.');
    const folders = this.options.sagas ?? this.options.workloads.map((name) => join(build, 'dist/test/lab/kit/workloads', name));
    return folders.flatMap((folder) => ['--sagas', folder]);
  }
  private envOf(process: string): Record<string, string> {
    const { postgres, rabbitmq } = this.options.via?.(process) ?? {};
    return {
      BACKSTEP_NAMESPACE: this.namespace,
      BACKSTEP_POSTGRES_URL: this.planted ? this.planted.withPassword(by(this.databaseUrl, postgres)) : by(this.databaseUrl, postgres),
      BACKSTEP_RABBITMQ_URL: by(this.options.servers.rabbitmqUrl, rabbitmq),
      BACKSTEP_LOG_LEVEL: this.options.logLevel ?? 'info',
      ...this.planted?.env,
      ...this.options.env,
    };
  }
  private async deleteQueues(): Promise<void> {
    const connection = await amqp.connect(this.options.servers.rabbitmqUrl);
    connection.on('error', () => {});
    const channel = await connection.createChannel();
    const { replies, ofDaemons, starts, deadLetters, commands } = this.queues;
    for (const queue of [replies, ...ofDaemons, starts, deadLetters, ...commands]) await channel.deleteQueue(queue);
    await channel.deleteExchange(`${this.namespace}.commands`);
    await connection.close();
  }
}

/** The direct URL with another host and port; where several addresses are given (commas), with each of them. */
function by(direct: string, via: string | undefined): string {
  if (via === undefined) return direct;
  return via
    .split(',')
    .map((address) => {
      const url = new URL(direct);
      const other = new URL(address.trim());
      url.hostname = other.hostname;
      url.port = other.port;
      return url.href;
    })
    .join(',');
}
function withPath(url: string, path: string): string {
  const target = new URL(url);
  target.pathname = path;
  return target.href;
}

/** One statement on a connection of its own. */
export async function query<R extends pg.QueryResultRow>(url: string, sql: string, values: readonly unknown[] = []): Promise<R[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<R>(sql, [...values])).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
