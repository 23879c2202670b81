import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Installation, openServers, type InstallationOptions, type Servers } from '../kit/installation.js';
import type { Sighting } from './amqp-frames.js';
import { SupervisedActor } from './actor.js';
import { Proxy } from './proxy.js';
import type { Link, Scene } from './scene.js';
import type { Trigger } from './triggers.js';

export interface StageOptions extends Omit<InstallationOptions, 'servers' | 'via' | 'nodeArgs' | 'env'> {
  /** Names of the processes whose ways to PostgreSQL and RabbitMQ lead through proxies; default: all of them. */
  readonly behindProxies?: (process: string) => boolean;
  readonly saga: string;
}

/** Private servers, an installation on them, and a proxy on every way: what a chaos run takes place on. Owns all of it. */
export class Stage implements AsyncDisposable {
  injected = 0;

  private constructor(
    readonly installation: Installation,
    private readonly servers: Servers,
    readonly links: readonly Link[],
    readonly actors: readonly SupervisedActor[],
    private readonly proxies: readonly Proxy[],
    private readonly saga: string,
  ) {}

  /** Resolves when everything is up. */
  static async open({ behindProxies = () => true, saga, ...options }: StageOptions): Promise<Stage> {
    const orders = resolve(options.directory, 'orders');
    rmSync(options.directory, { recursive: true, force: true });
    mkdirSync(orders, { recursive: true });
    const servers = await openServers({ settings: { max_connections: '120' }, canaries: true });
    const proxies = new Map<string, { readonly postgres: Proxy; readonly rabbitmq: Proxy }>();
    try {
      const names = processNames(options);
      for (const name of names.filter(behindProxies))
        proxies.set(name, { postgres: await Proxy.open(servers.postgresUrl), rabbitmq: await Proxy.open(servers.rabbitmqUrl) });
      const installation = await Installation.open({
        ...options,
        servers,
        via: (process) => ({ postgres: proxies.get(process)?.postgres.url, rabbitmq: proxies.get(process)?.rabbitmq.url }),
        nodeArgs: ['--import', pathToFileURL(join(import.meta.dirname, 'misbehave.js')).href],
        env: { LAB_MISBEHAVE: orders },
        // Hostile participants copy genuine messages and change them: with keys that would be another experiment.
        canaries: 'without-keys',
      });
      await installation.start();
      const actors = [...installation.daemons, ...installation.hosts].map(
        (process) => new SupervisedActor(process, installation.daemons.includes(process) ? 'daemon' : 'participants', orders),
      );
      const links = actors.flatMap((owner) =>
        (['postgres', 'rabbitmq'] as const).flatMap((to): Link[] => {
          const proxy = proxies.get(owner.name)?.[to];
          return proxy ? [{ name: `${owner.name}/${to}`, owner, to, proxy }] : [];
        }),
      );
      const all = [...proxies.values()].flatMap(({ postgres, rabbitmq }) => [postgres, rabbitmq]);
      return new Stage(installation, servers, links, actors, all, saga);
    } catch (error: unknown) {
      await servers.dispose();
      throw error;
    }
  }

  get scene(): Scene {
    const { installation, servers, links, actors } = this;
    const { participants, namespace } = installation;
    return {
      actors,
      links,
      database: { ...servers.postgres!, url: installation.databaseUrl },
      broker: servers.rabbitmq!,
      namespace,
      participants,
      schemas: participants.map((participant) => participant.replaceAll('-', '_')),
      saga: this.saga,
      injected: (count) => {
        this.injected += count;
      },
    };
  }

  /** How often each trigger has fired, all proxies together. */
  get fired(): Readonly<Record<Trigger, number>> {
    const sum = {} as Record<Trigger, number>;
    for (const { triggers } of this.proxies)
      for (const [trigger, count] of Object.entries(triggers.fired) as [Trigger, number][]) sum[trigger] = (sum[trigger] ?? 0) + count;
    return sum;
  }

  /** What the proxies have seen pass. */
  get seen(): Readonly<Record<Sighting, number>> {
    const sum = {} as Record<Sighting, number>;
    for (const { triggers } of this.proxies)
      for (const [sighting, count] of Object.entries(triggers.seen) as [Sighting, number][]) sum[sighting] = (sum[sighting] ?? 0) + count;
    return sum;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const actor of this.actors) actor.release();
    await this.installation.dispose();
    for (const proxy of this.proxies) await proxy[Symbol.asyncDispose]();
    await this.servers.dispose();
  }
}

function processNames({ daemons = 2, hosts = 1 }: Pick<StageOptions, 'daemons' | 'hosts'>): string[] {
  const count = typeof hosts === 'number' ? hosts : hosts.length;
  return [
    ...Array.from({ length: daemons }, (_, n) => `daemon-${n + 1}`),
    ...Array.from({ length: count }, (_, n) => `participants-${n + 1}`),
  ];
}
