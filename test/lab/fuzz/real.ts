import { readFileSync, rmSync } from 'node:fs';
import amqp from 'amqplib';
import { Chance } from '../kit/chance.js';
import { closeConnections } from '../kit/http.js';
import { Installation, openServers } from '../kit/installation.js';
import { Load } from '../kit/load.js';
import { mixedStarts } from '../kit/starts.js';
import { forAll, until } from '../kit/waiting.js';
import { expectedEnd } from '../kit/workloads/all.js';
import { nestedTables, RawPublisher } from '../../support/raw-publish.js';
import { must, said, Violation, type Findings } from './entrance.js';
import { anyMessage, type Template, type WireCase } from './message.js';
import { cut, mustBeReason } from './oracle.js';
import { makeRawRequest, mustBeAnswered, sendRaw } from './raw-http.js';
import { commandTemplate, replyTemplate, startTemplate } from './templates.js';
import { NO_SAGA } from './values.js';

const DIRECTORY = 'dist/lab/evidence/fuzz';
/** Orders that nobody attacks, among the rubbish. */
const INNOCENT_PER_THOUSAND = 20;
const VICTIMS = 40;
/** A process that has taken so much was filled by rubbish. */
const MOST_MIB = 500;

export interface RealOptions {
  readonly inputs: number;
  readonly seed: number;
  readonly postgres: string | undefined;
  readonly rabbitmq: string | undefined;
}

/**
 * The same rubbish end to end: a daemon and participants as processes on real servers; half of it over AMQP, half over HTTP sockets, while
 * orders go on. Gives what is wrong.
 */
export async function real(options: RealOptions, found: Findings): Promise<readonly Violation[]> {
  rmSync(DIRECTORY, { recursive: true, force: true });
  const servers = await openServers({ postgresUrl: options.postgres, rabbitmqUrl: options.rabbitmq });
  const lab = await Installation.open({ servers, directory: DIRECTORY, workloads: ['order'], daemons: 1, hosts: 1 });
  const violations: Violation[] = [];
  const collect = (error: unknown) => void violations.push(error instanceof Violation ? error : new Violation('unexpected', said(error)));
  try {
    await lab.start();
    const innocents = Math.max(10, Math.round((options.inputs * INNOCENT_PER_THOUSAND) / 1_000));
    const load = new Load({
      api: lab.api,
      directory: DIRECTORY,
      seed: options.seed,
      starts: mixedStarts(options.seed, ['order'], { count: innocents }),
      inFlight: 2,
    });
    const orders = load.run();
    const victims = await startVictims(lab, options.seed);
    const half = Math.ceil(options.inputs / 2);
    await Promise.all([
      sendMessages(lab, victims, half, options.seed, found).catch(collect),
      sendRequests(lab, half, options.seed, found, collect),
    ]);
    await orders;
    must(load.counts.failed + load.counts.gaveUp === 0, 'start refused', () => `of the orders: ${JSON.stringify(load.counts)}`);
    for (const look of [queuesEmpty, everythingReads, lettersHaveReasons, innocentsEnd(load), processesLive])
      await look(lab, found).catch(collect);
    const ends = await lab.stop();
    if (ends.length > 0) collect(new Violation('no orderly end', ends.join('; ')));
  } catch (error: unknown) {
    collect(error);
  } finally {
    await lab.dispose();
    closeConnections();
    await servers.dispose();
  }
  return violations;
}

async function startVictims(lab: Installation, seed: number): Promise<readonly string[]> {
  const starts = [...mixedStarts(`${seed}/victims`, ['order'], { count: VICTIMS })];
  const lines = starts.map(({ saga, input }, at) => JSON.stringify({ name: saga, input, key: `victim ${at}` }));
  const response = await fetch(`${lab.api[0]}/api/v1/sagas/many`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  });
  const answers = (await response.text()).split('\n').filter(Boolean);
  return answers.flatMap((line) => (JSON.parse(line) as { started?: { id: string } }).started?.id ?? []);
}

// ---- over AMQP

async function sendMessages(lab: Installation, victims: readonly string[], count: number, seed: number, found: Findings): Promise<void> {
  const [definition] = await lab.client().definitions();
  const steps = definition!.steps.flatMap(({ name, action }) =>
    action ? [{ name, type: `${action.participant}.${action.command}` }] : [],
  );
  const queues = [lab.queues.replies, lab.queues.replies, lab.queues.starts, lab.queues.deadLetters, ...lab.queues.commands];
  const sender = await Sender.open(lab.options.servers.rabbitmqUrl);
  try {
    for (let number = 0; number < count; number++) {
      const chance = new Chance(`${seed}/real/${number}`);
      const queue = chance.pick(queues);
      const sagaId = chance.is(0.8) ? chance.pick(victims) : NO_SAGA;
      const { name, type } = chance.pick(steps);
      const template = chance.pick<() => Template>([
        () =>
          replyTemplate(
            `${sagaId}.${name}.${chance.pick(['a', 'a', 'c', 'f'])}.1`,
            { any: 'reply', n: number },
            chance.pick([undefined, 'rejected', 'error']),
          ),
        () => startTemplate(`fuzz ${number}`, { orderId: `fuzz ${number}` }),
        // Nobody's saga: a command that is understood takes effect.
        () =>
          commandTemplate(
            { sagaId: NO_SAGA, step: name, phase: chance.pick(['a', 'c', 'f']), type, firstSentAt: Date.now() },
            { orderId: 'fuzz' },
          ),
      ])();
      if (chance.is(0.002)) {
        const headers = chance.is(0.5)
          ? nestedTables(chance.pick([10, 500, 18_000]))
          : Buffer.from(Array.from({ length: 40 }, () => chance.between(0, 255)));
        if (await sender.raw(queue, headers, number)) found.count('frames made by hand');
        continue;
      }
      const isSent = await sender.send(queue, anyMessage(chance, template));
      found.count(isSent ? 'messages over AMQP' : 'messages that no client can send');
      if (number % 200 === 199) await sender.confirmed();
    }
    await sender.confirmed();
  } finally {
    await sender.close();
  }
}

/** Publishes what brokers refuse, too: a channel that was closed for it is opened again. */
class Sender {
  private channel: amqp.ConfirmChannel | undefined;
  private connection: amqp.ChannelModel | undefined;
  private constructor(private readonly url: string) {}

  static async open(url: string): Promise<Sender> {
    return Promise.resolve(new Sender(url));
  }

  async send(queue: string, { properties = {}, body = new Uint8Array() }: WireCase): Promise<boolean> {
    const channel = (this.channel ??= await this.fresh());
    // The broker checks these itself, and closes the channel with everything unconfirmed on it.
    const {
      userId: _user,
      expiration: _expiration,
      priority: _priority,
      deliveryMode: _mode,
      timestamp: _timestamp,
      headers,
      ...rest
    } = properties;
    const safe = Object.fromEntries(Object.entries((headers ?? {}) as object).filter(([name]) => !/^b?cc$/i.test(name)));
    try {
      channel.sendToQueue(queue, Buffer.from(body), { ...rest, headers: withBuffers(safe) } as amqp.Options.Publish);
      return true;
    } catch {
      return false;
    }
  }

  async raw(queue: string, headers: Buffer, number: number): Promise<boolean> {
    return RawPublisher.sendRaw(this.url, queue, {
      headers,
      correlationId: Buffer.alloc(255, 0xff),
      body: Buffer.from(`{"n":${number}}`),
    }).then(
      () => true,
      // A table that is none: the broker closes the connection of whoever sends it.
      () => false,
    );
  }

  async confirmed(): Promise<void> {
    await this.channel?.waitForConfirms().catch(() => undefined);
  }
  async close(): Promise<void> {
    await this.connection?.close().catch(() => undefined);
  }

  /** The broker ends a connection for what it does not understand. */
  private async connected(): Promise<amqp.ChannelModel> {
    const connection = await amqp.connect(this.url);
    const gone = () => {
      if (this.connection === connection) this.connection = undefined;
      this.channel = undefined;
    };
    connection.on('error', gone);
    connection.on('close', gone);
    return connection;
  }

  private async fresh(): Promise<amqp.ConfirmChannel> {
    this.connection ??= await this.connected();
    const channel = await this.connection.createConfirmChannel();
    channel.on('error', () => (this.channel = undefined));
    channel.on('close', () => (this.channel = undefined));
    return channel;
  }
}

function withBuffers(headers: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value) : (value as unknown)]),
  );
}

// ---- over HTTP

async function sendRequests(
  lab: Installation,
  count: number,
  seed: number,
  found: Findings,
  collect: (error: unknown) => void,
): Promise<void> {
  const port = Number(new URL(lab.api[0]!).port);
  await forAll(
    Array.from({ length: count }, (_, number) => number),
    12,
    async (number) => {
      const bytes = makeRawRequest(new Chance(`${seed}/raw-http/${number}`));
      try {
        mustBeAnswered(await sendRaw(port, bytes), bytes, found);
      } catch (error: unknown) {
        collect(
          new Violation(
            error instanceof Violation ? error.rule : 'request that hangs',
            `request ${number}: ${error instanceof Error ? error.message : said(error)}`,
          ),
        );
      }
    },
  );
}

// ---- afterwards

/** Everything is settled, and stays so: what comes again and again is never gone. */
async function queuesEmpty(lab: Installation): Promise<void> {
  const connection = await amqp.connect(lab.options.servers.rabbitmqUrl);
  const channel = await connection.createChannel();
  const { replies, starts, deadLetters, commands } = lab.queues;
  const waiting = async () => {
    const counts = await Promise.all(
      [replies, starts, deadLetters, ...commands].map(async (queue) => ({ queue, n: (await channel.checkQueue(queue)).messageCount })),
    );
    return counts.filter(({ n }) => n > 0);
  };
  await until('all queues are empty', async () => (await waiting()).length === 0, { withinMs: 90_000, everyMs: 200 }).catch(async () => {
    throw new Violation('message that is never settled', `waiting: ${JSON.stringify(await waiting())}`);
  });
  await connection.close();
  const { rabbitmq } = lab.options.servers;
  if (rabbitmq === undefined) return;
  // Delivered and not settled: 0 once the last has been handled.
  await until(
    'nothing is delivered and unsettled',
    async () => !/\t[1-9]\d*$/m.test(await rabbitmq.ctl('-q', 'list_queues', '--no-table-headers', 'name', 'messages_unacknowledged')),
    {
      withinMs: 90_000,
      everyMs: 1_000,
    },
  ).catch(async () => {
    throw new Violation('retry loop', await rabbitmq.ctl('-q', 'list_queues', 'name', 'messages_unacknowledged'));
  });
}

async function everythingReads(lab: Installation, found: Findings): Promise<void> {
  const api = lab.client(5_000);
  const sagas = await api.sagas();
  await forAll(sagas, 8, async ({ id }) => {
    await api.show(id);
    await api.history(id);
  });
  found.count('sagas read back over HTTP', sagas.length);
}

async function lettersHaveReasons(lab: Installation, found: Findings): Promise<void> {
  const letters = await lab.query<{ reason: string; n: number }>(
    `select reason, count(*)::float8 as n from ${lab.namespace}.dead_letter group by reason`,
  );
  for (const { reason, n } of letters) {
    mustBeReason(reason, 'a dead letter');
    found.count('dead letters in PostgreSQL', n);
  }
  must(letters.length > 5, 'nothing was put aside', () => `${letters.length} kinds of reasons`);
}

function innocentsEnd(load: Load) {
  return async (lab: Installation, found: Findings): Promise<void> => {
    const api = lab.client(5_000);
    for (const [key, start] of load.begun) {
      const [saga] = [...(await api.sagas({ key })), ...(await byTag(lab, key))];
      must(saga !== undefined, 'order lost', () => `there is no order ${key}`);
      const { status } = await api.wait(saga.id, 60);
      const expected = expectedEnd(start);
      must(
        status === expected || (expected === 'either' && ['completed', 'compensated'].includes(status)),
        'order that nobody attacked',
        () => `${saga.id} (${key}) is ${status}, expected ${expected}`,
      );
      found.count('orders that nobody attacked and that ended as they should');
    }
  };
}

async function byTag(lab: Installation, key: string): Promise<{ id: string; status: string }[]> {
  const response = await fetch(`${lab.api[0]}/api/v1/sagas?tag=${encodeURIComponent(`start=${key}`)}`);
  return ((await response.json()) as { sagas: { id: string; status: string }[] }).sagas;
}

async function processesLive(lab: Installation, found: Findings): Promise<void> {
  for (const process of [...lab.daemons, ...lab.hosts]) {
    must(process.isRunning && process.starts === 1, 'process that has ended', () => `${process.name}: ${process.log.slice(-1_500)}`);
    const mib = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${process.pid}/status`, 'latin1'))?.[1] ?? 0) / 1_024;
    must(mib <= MOST_MIB, 'memory filled', () => `${process.name} took ${Math.round(mib)} MiB`);
    found.count(`highest memory of ${process.name}, MiB`, Math.round(mib));
    const bad = process.log
      .split('\n')
      .filter((line) =>
        /unhandled|uncaught|a request failed inside|No connection to RabbitMQ|channel was closed|"level":(?:50|60|"error"|"fatal")/i.test(
          line,
        ),
      );
    must(bad.length === 0, 'error in the log', () => `${process.name}: ${bad.length} lines, e.g. ${cut(bad[0] ?? '', 1_000)}`);
  }
  return Promise.resolve();
}
