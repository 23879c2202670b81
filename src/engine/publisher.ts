import { encodeCommands, type Sending } from '../core/codec-commands.js';
import { messageFields } from '../core/trace-context.js';
import type { CommandMessage, Names } from '../core/wire.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import type { OrchestratorSigning } from '../ports/signing.js';
import type { Outgoing, PublishOutcome, Transport } from '../ports/transport.js';
import type { EngineObserver } from './observer.js';
import { backoffMs, pause } from './pause.js';
import type { EngineSettings } from './settings.js';

/** A message on its way out. With `commands` in it the state is its safety net, so it may be given up; anything else has to arrive. */
export interface Publication {
  readonly outgoing: Outgoing;
  readonly commands: readonly CommandMessage[];
  /** What has to arrive where this finds no queue. */
  readonly instead?: () => Outgoing;
  /** The one that this is published instead of. */
  readonly origin?: Publication;
}

export interface PublisherParts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observer: EngineObserver;
  readonly settings: EngineSettings;
  readonly names: Names;
  /** Where answers to commands are to go now. */
  readonly replyTo: () => string;
  /** Where messages are signed. */
  readonly signing?: OrchestratorSigning;
}

/** One warning per participant and minute. */
const WARN_EVERY_MS = 60_000;

/**
 * Publishes what a commit made due, and publishes again what may not have arrived.
 * Owns: the number of messages without a confirm, and what is said about those that do not arrive.
 * Does not own: commands. One that is given up here is in flight in its saga and sent again by its timer.
 * Invariants: `publish` never rejects; a command is not published when more than `stalePublishMs` has passed since its transaction
 * began, since the process may have been paused and others may have gone on.
 */
export class Publisher {
  private waiting = 0;
  private readonly warned = new Map<string, number>();
  private readonly roomWanted = new Set<() => void>();

  constructor(
    private readonly parts: PublisherParts,
    /** Told which commands were given up while the broker was away. */
    private readonly onUnsent: (commands: readonly CommandMessage[]) => void,
  ) {}

  /** Messages that wait for their confirm. */
  get unconfirmed(): number {
    return this.waiting;
  }
  /** The broker takes messages, as far as the transport can see. */
  canPublish(): boolean {
    const { connected, blocked } = this.parts.transport.health();
    return connected && !blocked;
  }
  get isSaturated(): boolean {
    return this.waiting >= this.parts.settings.maxUnconfirmed;
  }
  /** Called after messages were confirmed or given up. */
  onRoom(listener: () => void): void {
    this.roomWanted.add(listener);
  }

  commandPublications(sendings: readonly Sending[]): Publication[] {
    const { names, clock, signing, replyTo } = this.parts;
    const messages = encodeCommands(sendings, names, { now: clock.now(), appId: names.namespace, replyTo: replyTo() });
    // What is in one message goes to one participant.
    return messages.map(({ addressed, commands }) => ({
      outgoing: signing ? signing.signCommand(addressed, commands[0]!.participant) : addressed,
      commands,
    }));
  }

  /**
   * `begunAt`: when the transaction began, on the monotonic clock. Gives the messages that have to arrive and did not: their deliveries
   * are to be requeued.
   */
  async publish(publications: readonly Publication[], begunAt: number): Promise<readonly Publication[]> {
    const lost: Publication[] = [];
    // The batch loop waits for room while the broker takes messages, so that this bound is soft; else it would be slow for nothing.
    const hopeless = this.isSaturated && !this.canPublish();
    let open = hopeless ? this.giveUp(publications, 'too many messages wait for a broker that takes none') : publications;
    const size = open.length;
    this.waiting += size;
    try {
      for (let tries = 1; ; tries++) {
        open = this.withoutStale(open, begunAt);
        if (open.length === 0) return lost;
        open = this.judge(open, await this.send(open), lost);
        if (tries >= this.parts.settings.publishTries) {
          const given = this.giveUp(open, 'the outcome of publishing stayed unknown');
          return [...lost, ...given.map((publication) => publication.origin ?? publication)];
        }
        // The first repetition is at once: mostly a channel was replaced, and the connection is there.
        if (open.length > 0 && tries > 1) await pause(this.parts.clock, backoffMs(tries, this.parts.random, this.parts.settings));
      }
    } finally {
      this.waiting -= size;
      for (const listener of this.roomWanted) listener();
    }
  }

  private async send(open: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    try {
      return await this.parts.transport.publish(open.map(({ outgoing }) => outgoing));
    } catch (error: unknown) {
      this.parts.logger.error({ error: String(error) }, 'the transport failed; what was to be published has an unknown fate');
      return [];
    }
  }

  /** Gives what is to be published again; what has to arrive and never will goes to `lost`. */
  private judge(open: readonly Publication[], outcomes: readonly PublishOutcome[], lost: Publication[]): Publication[] {
    const again: Publication[] = [];
    const counts = new Map<PublishOutcome['fate'], number>();
    for (let i = 0; i < open.length; i++) {
      const publication = open[i]!;
      const outcome = outcomes[i] ?? { fate: 'unknown', reason: 'no answer' };
      counts.set(outcome.fate, (counts.get(outcome.fate) ?? 0) + 1);
      if (outcome.fate === 'unknown') again.push(publication);
      else if (outcome.fate !== 'confirmed') {
        const { instead } = publication;
        if (instead) again.push({ commands: [], outgoing: instead(), origin: publication });
        else this.notRouted(publication, outcome, lost);
      }
    }
    this.parts.observer.published?.(counts);
    return again;
  }

  /** Returned or refused: publishing again would not help. */
  private notRouted(publication: Publication, outcome: PublishOutcome, lost: Publication[]): void {
    const { commands, outgoing } = publication;
    const [command] = commands;
    if (outcome.fate === 'refused') {
      const where = { commandIds: commands.map(({ id }) => id), routingKey: outgoing.routingKey };
      const about = { ...where, ...messageFields(outgoing.message), reason: outcome.reason };
      this.parts.logger.error(about, 'a message can never be sent as it is; its step times out');
    } else if (command) this.warnReturned(command);
    // An answer whose asker has gone needs no queue; a dead letter needs one.
    if (!command && outgoing.routingKey === this.parts.names.deadLetters) lost.push(publication.origin ?? publication);
  }

  private warnReturned({ participant }: CommandMessage): void {
    const now = this.parts.clock.monotonic();
    const last = this.warned.get(participant);
    if (last !== undefined && now - last < WARN_EVERY_MS) return;
    this.warned.set(participant, now);
    const message = `no queue for participant ${participant}: is it running? The command stays in flight and is sent again`;
    this.parts.logger.warn({ participant }, message);
  }

  private withoutStale(open: readonly Publication[], begunAt: number): readonly Publication[] {
    const elapsed = this.parts.clock.monotonic() - begunAt;
    if (elapsed <= this.parts.settings.stalePublishMs) return open;
    const kept = open.filter(({ commands }) => commands.length === 0);
    if (kept.length === open.length) return open;
    const about = { commands: countOf(open), elapsedMs: Math.round(elapsed) };
    this.parts.logger.warn(about, 'too long since the transaction began: nothing is published, the timers send the commands');
    this.forget(open);
    return kept;
  }

  /** Leaves the commands to their timers; gives the rest. */
  private giveUp(open: readonly Publication[], reason: string): readonly Publication[] {
    const commands = countOf(open);
    if (commands > 0) this.parts.logger.warn({ commands, reason }, 'commands may not have been sent; their timers send them again');
    this.forget(open);
    return open.filter(({ commands: carried }) => carried.length === 0);
  }
  private forget(open: readonly Publication[]): void {
    const commands = open.flatMap(({ commands: carried }) => carried);
    if (commands.length > 0 && !this.canPublish()) this.onUnsent(commands);
  }
}

function countOf(publications: readonly Publication[]): number {
  return publications.reduce((sum, { commands }) => sum + commands.length, 0);
}
