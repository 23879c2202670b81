import type { Addressed, Message } from '../core/wire.js';
import type { Clock } from '../ports/clock.js';
import type { PublishOutcome, QueueDeclaration, QueueState, Topology } from '../ports/transport.js';
import { BrokerQueue, type Stored, type Taker } from './transport-queue.js';

/** What goes wrong with one message, for tests. */
export interface Mishap {
  /** How many copies reach the queue; 0 loses it. Default 1. */
  readonly copies?: number;
  /** They arrive so much later, by the broker's clock. */
  readonly delayMs?: number;
  /** It overtakes everything that waits. */
  readonly first?: boolean;
  /** What the sender is told instead of the truth. */
  readonly outcome?: PublishOutcome;
}

/** A transport, as its broker sees it. */
export interface BrokerClient {
  /** The connection came, went, or is held back. */
  connectionChanged(): void;
  /** A queue or everything is gone; whoever needs it declares it again. */
  topologyLost(): void;
}

interface Exchange {
  readonly kind: 'direct' | 'topic';
  readonly bindings: { readonly routingKey: string; readonly queue: string }[];
}
export type Routed = 'queued' | 'returned' | 'no-exchange';

/**
 * A broker within the process, for any number of transports. Owns exchanges, queues and what waits in them, and the knobs with which
 * tests make it fail. Does not own deliveries under way. Nothing is called back within a call: everything that goes out goes out in a
 * later turn of the event loop. What it holds is gone with the process, which the resend timers make up for.
 */
export class InProcessBroker {
  /** Asked for every message that is published. */
  mishap: ((out: Addressed) => Mishap | undefined) | undefined;

  private readonly exchanges = new Map<string, Exchange>();
  private readonly queues = new Map<string, BrokerQueue>();
  private readonly takers = new Map<string, Taker[]>();
  private readonly clients = new Set<BrokerClient>();
  private readonly claims = new Map<string, BrokerClient>();
  private readonly awake = new Set<string>();
  private tasks: (() => void)[] = [];
  private arrivals = 0;
  private reachable = true;
  private holding = false;

  /** `later`: runs a task in a later turn of the event loop; a world whose time does not pass by itself gives its own. */
  constructor(
    private readonly clock: Clock,
    private readonly later: (run: () => void) => void = setImmediate,
  ) {}

  get isReachable(): boolean {
    return this.reachable;
  }
  get isBlocked(): boolean {
    return this.holding;
  }
  /** Messages that wait in a queue; 0 for one that is not there. */
  depth(queue: string): number {
    return this.queues.get(queue)?.length ?? 0;
  }
  /** `undefined`: it is not there. */
  stateOf(name: string): QueueState | undefined {
    const queue = this.queues.get(name);
    return queue && { name, depth: queue.length, consumers: this.takers.get(name)?.length ?? 0 };
  }

  /** Cuts every connection, and lets no new one in until {@link reconnect}. What was under way is given back. */
  disconnect(): void {
    this.reachable = false;
    this.tellClients();
  }
  reconnect(): void {
    this.reachable = true;
    this.tellClients();
  }
  /** Holds publishing back, as a broker short of memory does. */
  block(): void {
    this.holding = true;
    this.tellClients();
  }
  unblock(): void {
    this.holding = false;
    this.tellClients();
  }
  /** Comes back with nothing it had: queues, exchanges, messages. */
  wipe(): void {
    const wasReachable = this.reachable;
    this.disconnect();
    this.exchanges.clear();
    this.queues.clear();
    if (wasReachable) this.reconnect();
  }
  /** Drops what waits in a queue; what is under way to a consumer stays. */
  purgeQueue(name: string): void {
    this.queues.get(name)?.purge();
  }
  /** With everything in it. Its consumers notice. */
  deleteQueue(name: string): void {
    this.queues.delete(name);
    for (const exchange of this.exchanges.values()) {
      for (let i = exchange.bindings.length; i-- > 0;) if (exchange.bindings[i]!.queue === name) exchange.bindings.splice(i, 1);
    }
    if (this.takers.has(name)) for (const client of this.clients) client.topologyLost();
  }
  /** Nobody notices until the next publish to it. */
  deleteExchange(name: string): void {
    this.exchanges.delete(name);
  }

  attach(client: BrokerClient): void {
    this.clients.add(client);
  }
  detach(client: BrokerClient): void {
    this.clients.delete(client);
  }

  /** The first of these names that nobody else has. */
  claim(names: readonly string[], client: BrokerClient): string | undefined {
    const name = names.find((one) => (this.claims.get(one) ?? client) === client);
    if (name !== undefined) this.claims.set(name, client);
    return name;
  }
  unclaim(client: BrokerClient): void {
    for (const [name, holder] of this.claims) if (holder === client) this.claims.delete(name);
  }

  /** Makes what is not there; gives a sentence for each thing that is there with other properties. */
  declare(topology: Topology): string[] {
    const faults: string[] = [];
    for (const { name, kind } of topology.exchanges) {
      const existing = this.exchanges.get(name);
      if (!existing) this.exchanges.set(name, { kind, bindings: [] });
      else if (existing.kind !== kind) faults.push(`exchange ${name}: its type is ${existing.kind}, wanted ${kind}`);
    }
    for (const declaration of topology.queues) {
      const existing = this.queues.get(declaration.name);
      if (existing) faults.push(...differences(existing.declaration, declaration));
      else {
        this.queues.set(declaration.name, new BrokerQueue({ ...declaration }));
        this.wake(declaration.name);
      }
    }
    for (const binding of topology.bindings) faults.push(...this.bind(binding));
    return faults;
  }

  /** Routes a copy of the message. */
  publish(out: Addressed, mishap?: Mishap): Routed {
    const names = this.route(out);
    if (names === undefined) return 'no-exchange';
    if (names.length === 0) return 'returned';
    const { copies = 1, delayMs, first = false } = mishap ?? {};
    for (let copy = 0; copy < copies; copy++) {
      const message = copyOf(out.message);
      if (delayMs === undefined) this.store(names, message, first);
      else this.clock.after(delayMs, () => this.store(names, message, first));
    }
    return 'queued';
  }

  subscribe(queue: string, taker: Taker): void {
    this.takers.set(queue, [...(this.takers.get(queue) ?? []), taker]);
    this.wake(queue);
  }
  unsubscribe(queue: string, taker: Taker): void {
    const left = (this.takers.get(queue) ?? []).filter((one) => one !== taker);
    if (left.length > 0) this.takers.set(queue, left);
    else this.takers.delete(queue);
  }

  /** Puts an unsettled message back where it was; beyond the delivery limit it is given up. */
  giveBack(name: string, stored: Stored): void {
    const queue = this.queues.get(name);
    if (!queue) return;
    stored.returns++;
    const { deliveryLimit } = queue.declaration;
    if (deliveryLimit !== undefined && stored.returns > deliveryLimit) this.giveUp(queue, stored, 'delivery_limit');
    else queue.giveBack(stored);
    this.wake(name);
  }

  /** Deals what waits in a queue, in the next turn. */
  wake(queue: string): void {
    if (this.awake.size === 0) this.soon(() => this.deal());
    this.awake.add(queue);
  }

  /** Runs a task in the next turn of the event loop, in order. */
  soon(task: () => void): void {
    if (this.tasks.push(task) > 1) return;
    this.later(() => {
      const { tasks } = this;
      this.tasks = [];
      for (const one of tasks) one();
    });
  }

  private deal(): void {
    const names = [...this.awake];
    this.awake.clear();
    for (const name of names) {
      const queue = this.queues.get(name);
      if (!queue) continue;
      const expired = queue.deal(this.takers.get(name) ?? [], this.clock.now());
      for (const stored of expired) this.giveUp(queue, stored, 'expired');
    }
  }

  private bind({ exchange, routingKey, queue }: Topology['bindings'][number]): string[] {
    const target = this.exchanges.get(exchange);
    if (!target) return [`binding of ${queue}: there is no exchange ${exchange}`];
    if (!this.queues.has(queue)) return [`binding to ${exchange}: there is no queue ${queue}`];
    const isBound = target.bindings.some((one) => one.queue === queue && one.routingKey === routingKey);
    if (!isBound) target.bindings.push({ routingKey, queue });
    return [];
  }

  private route({ exchange, routingKey }: Addressed): string[] | undefined {
    if (exchange === '') return this.queues.has(routingKey) ? [routingKey] : [];
    const target = this.exchanges.get(exchange);
    if (!target) return undefined;
    const matches =
      target.kind === 'direct' ? (pattern: string) => pattern === routingKey : (pattern: string) => topicMatches(pattern, routingKey);
    return [...new Set(target.bindings.filter((one) => matches(one.routingKey)).map((one) => one.queue))];
  }

  private store(names: readonly string[], message: Message, first: boolean): void {
    const expiresAt = message.expirationMs === undefined ? undefined : this.clock.now() + message.expirationMs;
    for (const name of names) {
      this.queues.get(name)?.add({ message, order: first ? -++this.arrivals : ++this.arrivals, expiresAt, returns: 0 }, first);
      this.wake(name);
    }
  }

  private giveUp(queue: BrokerQueue, stored: Stored, reason: string): void {
    const { name, deadLetterQueue } = queue.declaration;
    if (deadLetterQueue === undefined) return;
    const headers = { ...stored.message.headers, 'x-first-death-reason': reason, 'x-first-death-queue': name };
    this.store([deadLetterQueue], { ...stored.message, expirationMs: undefined, headers }, false);
  }

  private tellClients(): void {
    for (const client of this.clients) client.connectionChanged();
  }
}

/** Nothing that one side changes may show on the other. */
export function copyOf(message: Message): Message {
  return { ...message, headers: { ...message.headers }, body: new Uint8Array(message.body) };
}

function differences(is: QueueDeclaration, wanted: QueueDeclaration): string[] {
  const say = (value: string | number | undefined) => value ?? 'none';
  const faults: string[] = [];
  if (is.deliveryLimit !== wanted.deliveryLimit) {
    faults.push(`queue ${is.name}: its delivery limit is ${say(is.deliveryLimit)}, wanted ${say(wanted.deliveryLimit)}`);
  }
  if (is.deadLetterQueue !== wanted.deadLetterQueue) {
    faults.push(`queue ${is.name}: its dead-letter queue is ${say(is.deadLetterQueue)}, wanted ${say(wanted.deadLetterQueue)}`);
  }
  return faults;
}

/** `*` is one word, `#` any number of them. */
function topicMatches(pattern: string, key: string): boolean {
  const match = (patterns: readonly string[], words: readonly string[]): boolean => {
    const [first, ...rest] = patterns;
    if (first === undefined) return words.length === 0;
    if (first === '#') return match(rest, words) || (words.length > 0 && match(patterns, words.slice(1)));
    return words.length > 0 && (first === '*' || first === words[0]) && match(rest, words.slice(1));
  };
  return match(pattern.split('.'), key.split('.'));
}
