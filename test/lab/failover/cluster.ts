// RabbitMQ as a cluster of three: one node after the other is killed under load and comes back.
import { setTimeout as delay } from 'node:timers/promises';
import { startPrivatePostgres } from '../../support/private-servers.mjs';
import { startRabbitCluster, type RabbitCluster } from '../../support/private-clusters.mjs';
import { until } from '../kit/waiting.js';
import { disposing, Gathered, rateOf } from './gathered.js';
import { quantile, type Experiment, type Given } from './outcome.js';
import { answersSince, firstAfter, longestGap, nextEvents, rates } from './progress.js';
import { serversAt, Stage } from './stage.js';

const PAUSE = 'cluster: longest time without progress around the kill of a node';
const FIRST = 'cluster: first progress after the kill of a node';
const EACH = 'cluster: next progress of each saga under way at the kill, beyond the p99 without a fault';
const AGAIN = 'cluster: throughput after the node is back, % of before';

export const cluster: Experiment = {
  name: 'cluster',
  about: 'nodes of a RabbitMQ cluster are killed one after the other under load and come back (D2, D20)',
  inCi: true,
  alone: 'where measured',
  run: async (given) => {
    const gathered = new Gathered();
    await using servers = disposing(await startRabbitCluster());
    await using postgres = disposing(await startPrivatePostgres());
    const { nodes } = servers.it;
    // Every process begins with another node, and knows them all.
    const turned = (by: number) => nodes.map((_, i) => nodes[(i + by) % nodes.length]!.url).join(',');
    await using stage = await Stage.open(given, {
      servers: serversAt(postgres.it.url, nodes[0]!.url),
      via: (process) => ({ rabbitmq: turned(process.startsWith('daemon') ? Number(process.at(-1)) - 1 : 2) }),
    });
    await whole(stage, servers.it, gathered);
    // Every message is written to three disks here, which are one.
    stage.load(rateOf(given) / 2);
    await stage.flows(100);
    const begun = Date.now();
    const rounds = given.form === 'ci' ? 1 : given.form === 'short' ? nodes.length : 2 * nodes.length;
    for (let n = 0; n < rounds; n++) await killOne(stage, servers.it, given, n, gathered);
    const answers = await answersSince(stage.place, begun);
    gathered.series['answers per second, cluster'] = rates(answers, begun, Date.now());
    await gathered.conclude(stage);
    return gathered.outcome(
      {
        D2: `a node of three killed ${rounds} times`,
        D20: 'the leaders of the queues died with it',
      },
      {
        [PAUSE]: { target: 2_000, by: 'max' },
        [FIRST]: {},
        [EACH]: { target: 2_000, by: 'p99' },
        [AGAIN]: { unit: '%', target: 80, atLeast: true, by: 'p50' },
      },
    );
  },
};

/** Sagas that begin just before a node is killed. */
const BURST = 40;

/**
 * Waits until every queue has a member that runs on every node. Whoever takes a node away before has taken two of three from some queue,
 * which then waits for one of them: that is no fault to survive, it is the question that RabbitMQ's operators are told to ask first.
 */
async function whole(stage: Stage, { nodes }: RabbitCluster, to: Gathered): Promise<void> {
  const lacking = async () => incomplete(nodes, stage.lab.namespace);
  const isWhole = async () => (await lacking()).length === 0;
  await until('every queue has a member on every node', isWhole, { withinMs: 60_000, everyMs: 500 }).catch(async () => {
    to.failures.push(`queues without a member that runs on every node: ${(await lacking()).join(', ')}`);
  });
}

/** The node with the most leaders, so that queues lose theirs. */
async function killOne(stage: Stage, servers: RabbitCluster, { form, say }: Given, n: number, to: Gathered): Promise<void> {
  const { nodes } = servers;
  const windowMs = form === 'ci' ? 2_500 : 5_000;
  const before = Date.now();
  await delay(windowMs);
  const victim = form === 'ci' || n % 2 === 0 ? await busiest(nodes, stage.lab.namespace) : nodes[n % nodes.length]!;
  const end = await stage.nemesis.begin('kill-broker-node', ['D2', 'D20'], { node: victim.node });
  await stage.burst(BURST);
  const killedAt = Date.now();
  await victim.kill();
  await delay(windowMs);
  const returning = Date.now();
  await victim.start();
  await end();
  await delay(1_000);
  const backAt = Date.now();
  await delay(windowMs);
  const answers = await answersSince(stage.place, before);
  const per = (from: number, until: number) => (answers.filter((at) => at > from && at <= until).length * 1_000) / (until - from);
  to.add(PAUSE, longestGap(answers, killedAt - 100, returning));
  to.add(FIRST, ...firstAfter(answers, [killedAt]));
  const calm = quantile(await nextEvents(stage.place, killedAt - windowMs / 2), 0.99) || 0;
  to.add(EACH, ...(await nextEvents(stage.place, killedAt)).map((ms) => Math.max(0, ms - calm)));
  const [was, down, again] = [per(before, killedAt), per(killedAt, returning), per(backAt, backAt + windowMs)];
  to.add(AGAIN, (again / was) * 100);
  say(`${victim.node} killed: ${was.toFixed(0)} answers/s before, ${down.toFixed(0)} without it, ${again.toFixed(0)} after it came back`);
  await whole(stage, servers, to);
}

interface QueueRow {
  readonly name: string;
  readonly leader: string;
  /** Nodes with a member that runs. */
  readonly online: readonly string[];
}
async function queuesOf(node: RabbitCluster['nodes'][number], namespace: string): Promise<readonly QueueRow[]> {
  const rows = JSON.parse(await node.ctl('list_queues', 'name', 'leader', 'online', '--formatter', 'json')) as QueueRow[];
  // A daemon's number is an exclusive queue, on the node that its connection is to, and gone with it.
  return rows.filter(({ name }) => name.startsWith(`${namespace}.`) && !name.startsWith(`${namespace}.daemons.`));
}
async function incomplete(nodes: RabbitCluster['nodes'], namespace: string): Promise<readonly string[]> {
  const queues = await queuesOf(nodes[0]!, namespace);
  if (queues.length === 0) return ['there are none'];
  return queues.filter(({ online }) => online.length < nodes.length).map(({ name, online }) => `${name} (${online.length})`);
}
async function busiest(nodes: RabbitCluster['nodes'], namespace: string): Promise<RabbitCluster['nodes'][number]> {
  const queues = await queuesOf(nodes[0]!, namespace);
  const leads = (node: string) => queues.filter(({ leader }) => leader === node).length;
  return nodes.toSorted((a, b) => leads(b.node) - leads(a.node))[0]!;
}
