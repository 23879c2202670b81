import { encodeCommand, encodeCommands, type CarriedCommands } from '../../../src/core/codec-commands.js';
import { decodeReplies, type DecodedReply } from '../../../src/core/codec-replies.js';
import { decodeText, encodeText } from '../../../src/core/codec-text.js';
import { namesIn, type Message } from '../../../src/core/wire.js';
import { InMemoryInbox, type MemoryTransaction } from '../../../src/memory/in-memory-inbox.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import { InProcessBroker } from '../../../src/memory/transport-broker.js';
import { Host, type HostParts } from '../../../src/participant/host.js';
import type { Outgoing } from '../../../src/ports/transport.js';
import { command, contract } from '../../../src/saga/contract.js';
import { handlersOf } from '../../../src/saga/handlers.js';
import { participant, type ParticipantTarget } from '../../../src/saga/participant.js';
import type { CommandContext } from '../../../src/saga/participant-declaration.js';
import { ManualClock, turns } from '../../support/manual-clock.js';
import { recordingLogger } from '../../contract/transport-parts.js';
import type { KnownCommand } from './commands.js';
import { z } from 'zod';

export const Payments = contract('payments', {
  charge: command({ request: z.object({ amount: z.number() }), reply: z.object({ paymentId: z.string() }), rejections: ['card-declined'] }),
  refund: command({ request: z.object({ amount: z.number() }) }),
});
export const Other = contract('other', { stop: command({ request: z.object({}), rejections: ['another-code'] }) });

export type Charge = (context: CommandContext<MemoryTransaction>) => Promise<unknown>;

/** One host on a broker and an inbox in memory, with a clock that the test moves. */
export class Stand {
  readonly clock = new ManualClock();
  readonly broker = new InProcessBroker(this.clock);
  readonly inbox = new InMemoryInbox(this.clock);
  readonly logger = recordingLogger();
  readonly names = namesIn('backstep');
  readonly replies: DecodedReply[] = [];
  /** How many replies each message held. */
  readonly together: number[] = [];
  readonly deadLetters: Message[] = [];
  readonly ran: string[] = [];
  /** What commands ask for as the place of their answers. */
  replyTo: string | undefined;
  charge: Charge = async ({ commandId }) => Promise.resolve({ paymentId: commandId });
  refund: Charge = async () => Promise.resolve(undefined);
  readonly transport = new InProcessTransport({ broker: this.broker, clock: this.clock, logger: this.logger });
  host!: Host;

  async start(parts: Partial<HostParts> = {}): Promise<this> {
    const { replies, deadLetters } = this.names;
    await this.transport.declare({ exchanges: [], queues: [{ name: replies, deliveryLimit: 20 }, { name: deadLetters }], bindings: [] });
    await this.transport.consume(replies, { prefetch: 100 }, (deliveries) => {
      for (const delivery of deliveries) {
        const { replies: read } = decodeReplies(delivery.message);
        this.replies.push(...read);
        this.together.push(read.length);
        delivery.settle('done');
      }
    });
    await this.transport.consume(deadLetters, { prefetch: 100 }, (deliveries) => {
      for (const delivery of deliveries) {
        this.deadLetters.push(delivery.message);
        delivery.settle('done');
      }
    });
    const { clock, logger, transport } = this;
    this.host = new Host({
      declarations: [handlersOf(this.payments())],
      store: this.inbox as HostParts['store'],
      transport,
      clock,
      logger,
      ...parts,
    });
    await this.host.start();
    return this;
  }

  payments(): ParticipantTarget {
    return participant(Payments, {
      charge: async (_: { amount: number }, context: CommandContext<MemoryTransaction>) => {
        const reply = await this.charge(context);
        context.tx?.onCommit(() => this.ran.push(`charge ${context.saga.step}`));
        return reply as { paymentId: string };
      },
      refund: async (_: { amount: number }, context: CommandContext<MemoryTransaction>) => {
        await this.refund(context);
        context.tx?.onCommit(() => this.ran.push(`refund ${context.saga.step}`));
      },
    });
  }

  /** Sends commands and lets everything happen that needs no time. */
  async send(...commands: readonly KnownCommand[]): Promise<void> {
    await this.publish(this.sent(commands).map((command) => encodeCommand(command, this.names, this.facts())));
  }
  /** The same in one message; `more`: elements beside them. */
  async sendTogether(commands: readonly KnownCommand[], ...more: readonly unknown[]): Promise<void> {
    const sendings = this.sent(commands).map((command) => ({ command, mostTogether: 1_000 }));
    const [{ addressed }] = encodeCommands(sendings, this.names, this.facts()) as [CarriedCommands];
    const elements = JSON.parse(decodeText(addressed.message.body)!) as unknown[];
    await this.publish([{ ...addressed, message: { ...addressed.message, body: encodeText(JSON.stringify([...elements, ...more])) } }]);
  }

  async publish(messages: readonly Outgoing[]): Promise<void> {
    const published = this.transport.publish(messages);
    await turns(40);
    await published;
  }
  private sent(commands: readonly KnownCommand[]): KnownCommand[] {
    const now = this.clock.now();
    return commands.map((each) => ({ ...each, firstSentAt: now, action: each.action && { ...each.action, firstSentAt: now } }));
  }
  private facts() {
    return { appId: 'test', now: this.clock.now(), ...(this.replyTo !== undefined && { replyTo: this.replyTo }) };
  }

  /** Answers so far: outcome and code, or the reply. */
  get answers(): string[] {
    return this.replies.map(({ outcome, code, body }) => (outcome === 'success' ? JSON.stringify(body) : `${outcome} ${code}`));
  }
}
