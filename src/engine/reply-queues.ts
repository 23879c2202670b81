import type { Names } from '../core/wire.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Consumer, Delivery, Transport } from '../ports/transport.js';
import { Repeater } from './repeater.js';
import type { EngineSettings } from './settings.js';
import { DAEMONS, repliesOfDaemons } from './topology.js';

export interface ReplyQueuesParts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: Pick<EngineSettings, 'daemonsMs' | 'prefetch'>;
  readonly names: Names;
}

/** Of the queue of another daemon that does not take what is in it. */
const SPARE_PREFETCH = 100;

/**
 * Where several daemons share the work, the answers to what one of them has sent come to that one, which remembers the saga: else most of
 * them would come to one that has to fetch it first. Each takes a number, and asks for answers in the queue of that number. All of them
 * consume all of these queues, with the one whose number it is before the others, so that the broker itself gives them to somebody else
 * as soon as that one is gone or has its hands full; the saga is then theirs, with their next command.
 * Owns: the number, and the consumers of these queues. Does not own the queue that all daemons share: that is consumed in any case, and is all
 * there is for one daemon alone.
 * Invariant: commands ask for answers only in a queue that this process consumes, and at its last look another one as well, or in the shared
 * one. Which daemon gets an answer decides nothing: each locks what it does not know, or proves that nobody has written it.
 */
export class ReplyQueues {
  private readonly looking: Repeater;
  private readonly consumers = new Map<number, { readonly consumer: Consumer; readonly isOwn: boolean }>();
  /** The one that it holds. */
  private number: number | undefined;
  /** The same while answers are asked for in its queue. */
  private own: number | undefined;
  private isLate = false;
  private isShared = false;
  private hasLooked = false;

  constructor(
    private readonly parts: ReplyQueuesParts,
    private readonly receive: (deliveries: readonly Delivery[]) => void,
  ) {
    this.looking = new Repeater('the look for other daemons', parts.settings.daemonsMs, (signal) => this.look(signal), parts);
  }

  get problem(): string | undefined {
    return this.looking.problem;
  }
  /** Where commands that are sent now ask for their answers. */
  get replyTo(): string {
    const { names } = this.parts;
    return this.own === undefined ? names.replies : names.repliesOf(this.own);
  }
  /** Every queue for replies that is in use, the shared one first. */
  get inUse(): readonly string[] {
    const { names } = this.parts;
    return this.isShared ? [names.replies, ...DAEMONS.map((number) => names.repliesOf(number))] : [names.replies];
  }

  start(): void {
    this.looking.start();
  }
  /** Resolves when the broker has agreed that nothing more is delivered. */
  async stop(): Promise<void> {
    await this.looking.stop();
    await Promise.all([...this.consumers.values()].map(({ consumer }) => consumer.stop()));
  }

  private async look(signal: AbortSignal): Promise<void> {
    const { transport, names } = this.parts;
    if (!transport.claim || !transport.health().connected) return;
    if (!this.isShared) {
      if (!(await this.isToShare()) || signal.aborted) return;
      await transport.declare(repliesOfDaemons(names));
      this.isShared = true;
    }
    // The one it had comes first: after the broker was away everybody is to have the same as before.
    const wanted = this.number === undefined ? DAEMONS : [this.number, ...DAEMONS.filter((number) => number !== this.number)];
    const claimed = await transport.claim(wanted.map((number) => names.claim(number)));
    const number = DAEMONS.find((one) => names.claim(one) === claimed);
    if (number !== this.number || this.consumers.size === 0) {
      [this.number, this.own] = [number, undefined];
      for (const one of wanted) await this.consume(one, one === number, signal);
    }
    // Only while somebody else consumes it as well: what comes after this one is killed must not wait there.
    const own = number !== undefined && (await this.hasSpare(number)) ? number : undefined;
    if (!signal.aborted) this.ask(own, number === undefined);
  }

  /** Several daemons are there, or were: what came for them meanwhile is to be taken by whoever is the first to be back. */
  private async isToShare(): Promise<boolean> {
    const { transport, names } = this.parts;
    const first = names.repliesOf(DAEMONS[0]!);
    // Once: a broker notes in its log whoever asks for a queue that is not there.
    const states = (await transport.queues?.(this.hasLooked ? [names.replies] : [names.replies, first])) ?? [];
    const shared = states.find(({ name }) => name === names.replies);
    if (!shared) return false;
    this.hasLooked = true;
    // Every daemon that is up consumes the shared queue once.
    return shared.consumers > 1 || states.some(({ name }) => name === first);
  }

  private ask(own: number | undefined, isLate: boolean): void {
    if (own === this.own && isLate === this.isLate) return;
    const { logger } = this.parts;
    const had = this.replyTo;
    [this.own, this.isLate] = [own, isLate];
    if (isLate) logger.info({ daemons: DAEMONS.length }, 'as many other daemons as there are reply queues; this one shares one with all');
    else if (own !== undefined)
      logger.info({ queue: this.replyTo }, 'other daemons are there; this one has its answers come to its own queue');
    else if (had !== this.replyTo)
      logger.info({ queue: this.replyTo }, 'no other daemon is left; answers come to the queue that all share');
  }

  private async hasSpare(number: number): Promise<boolean> {
    const [queue] = (await this.parts.transport.queues?.([this.parts.names.repliesOf(number)])) ?? [];
    return queue ? queue.consumers > 1 : this.own === number;
  }

  private async consume(number: number, isOwn: boolean, signal: AbortSignal): Promise<void> {
    const { transport, names, settings } = this.parts;
    const current = this.consumers.get(number);
    if (signal.aborted || current?.isOwn === isOwn) return;
    await current?.consumer.stop();
    const options = isOwn ? { prefetch: settings.prefetch, priority: 1 } : { prefetch: SPARE_PREFETCH };
    this.consumers.set(number, { isOwn, consumer: await transport.consume(names.repliesOf(number), options, this.receive) });
  }
}
