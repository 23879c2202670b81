import type { Outcome, Phase } from './state.js';

/**
 * The wire (docs/wire.md): what messages look like on any transport. Both transports carry {@link Message}; only the RabbitMQ adapter
 * knows how its fields map to AMQP properties.
 */
export interface Message {
  readonly messageId: string;
  readonly correlationId: string;
  /** `<participant>.<command>`, `backstep.fence`, a saga's name for starts; empty when the sender set none. */
  readonly type: string;
  readonly replyTo: string | undefined;
  readonly contentType: string;
  /** Milliseconds; informational, never decides. */
  readonly timestamp: number | undefined;
  readonly appId: string | undefined;
  /** Milliseconds after which the broker may drop it; `undefined`: never. */
  readonly expirationMs: number | undefined;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** What the whole body was, where only its beginning was kept because it is longer than any that can be used. */
  readonly whole?: WholeBody;
}
/** A body that is not there. */
export interface WholeBody {
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}
export type Headers = Readonly<Record<string, string | number>>;

/** A message and where it goes; '' is the default exchange: the routing key is a queue's name. */
export interface Addressed {
  readonly exchange: string;
  readonly routingKey: string;
  readonly message: Message;
}
/** What a sender puts on every message it makes. */
export interface SenderFacts {
  readonly appId: string;
  /** Where the answers to commands are to go. Default: the queue that all daemons share. */
  readonly replyTo?: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export const JSON_CONTENT = 'application/json';
/** One message with several commands or replies; see design.md §6. Written only to participants whose contract says `batch`. */
export const BATCH_CONTENT = 'application/vnd.backstep.batch+json';
export const FENCE_TYPE = 'backstep.fence';
/** Codes that the SDK and the engine use themselves; no contract may declare them. */
export const RESERVED_CODES = ['undone', 'beyond-horizon', 'id-reused'] as const;

export const HEADER = {
  sagaId: 'saga-id',
  sagaName: 'saga-name',
  sagaVersion: 'saga-version',
  step: 'saga-step',
  phase: 'saga-phase',
  attempt: 'saga-attempt',
  execution: 'saga-execution',
  firstSent: 'saga-first-sent',
  element: 'saga-element',
  actionId: 'saga-action-id',
  actionOutcome: 'saga-action-outcome',
  actionFirstSent: 'saga-action-first-sent',
  outcome: 'saga-outcome',
  key: 'saga-key',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  payloadKey: 'saga-payload-key',
  /** Of a batch that was put back: the only element that counts, from 0. Not signed: it can do no more than whoever drops the message. */
  batchElement: 'batch-element',
  signature: 'saga-signature',
  signatureKey: 'saga-signature-key',
  deadReason: 'dead-letter-reason',
  deadQueue: 'dead-letter-queue',
  deadAt: 'dead-letter-at',
  deadBytes: 'dead-letter-bytes',
  deadSha256: 'dead-letter-sha256',
  deadReplyTo: 'dead-letter-reply-to',
  deadAltered: 'dead-letter-altered',
} as const;

/** Names of queues and exchanges within a namespace (`backstep` by default). */
export interface Names {
  readonly namespace: string;
  readonly commandExchange: string;
  /** Of all daemons. */
  readonly replies: string;
  readonly starts: string;
  readonly deadLetters: string;
  commands(participant: string): string;
  /** Of one of several daemons, counted from 1; see {@link REPLY_QUEUES}. */
  repliesOf(daemon: number): string;
  /** Held by the daemon that has this number: nobody reads it. */
  claim(daemon: number): string;
}
export function namesIn(namespace: string): Names {
  return {
    namespace,
    commandExchange: `${namespace}.commands`,
    replies: `${namespace}.replies`,
    starts: `${namespace}.starts`,
    deadLetters: `${namespace}.dead-letters`,
    commands: (participant) => `${namespace}.commands.${participant}`,
    repliesOf: (daemon) => `${namespace}.replies.${daemon}`,
    claim: (daemon) => `${namespace}.daemons.${daemon}`,
  };
}

/** So many daemons of an installation can have a reply queue of their own; further ones share one. */
export const REPLY_QUEUES = 4;

/**
 * Whether replies belong in this queue. A participant puts its answers into no other one, whatever a command says: who can forge a command
 * could have them put anywhere.
 */
export function isReplyQueue(queue: string, { replies }: Names): boolean {
  return queue === replies || (queue.startsWith(`${replies}.`) && /^\d{1,3}$/.test(queue.slice(replies.length + 1)));
}

/** What a command says beside its request, as both sides see it: the orchestrator writes it, the SDK reads it. */
export interface CommandHead {
  /** `<saga id>.<step>[.<element>].<phase>.<execution>`. */
  readonly id: string;
  readonly participant: string;
  /** `<participant>.<command>`, or {@link FENCE_TYPE}. */
  readonly type: string;
  readonly sagaId: string;
  readonly sagaName: string;
  readonly sagaVersion: number;
  readonly sagaKey: string | undefined;
  readonly step: string;
  readonly phase: Phase;
  readonly attempt: number;
  readonly execution: number;
  /** Milliseconds since 1970: first send of this execution. */
  readonly firstSentAt: number;
  /** On compensations and fences: the action they are about, and what the orchestrator knows of it. */
  readonly action: { readonly id: string; readonly outcome: 'success' | 'unknown'; readonly firstSentAt: number } | undefined;
  readonly traceparent: string | undefined;
  readonly tracestate?: string | undefined;
  /** The saga's own key, sealed, where it has one and the payloads of the command have sensitive parts. */
  readonly payloadKey?: string | undefined;
  readonly expirationMs: number | undefined;
}
/** A command that is to be sent. */
export interface CommandMessage extends CommandHead {
  /** JSON text: the request, no envelope. */
  readonly body: string;
}

/** A participant's answer. */
export interface ReplyMessage {
  /** Of the command it answers. */
  readonly commandId: string;
  readonly outcome: Outcome;
  /** Echo of `saga-attempt`; a foreign participant may leave it out. */
  readonly attempt: number | undefined;
  /** JSON text: the reply, or `{ code, message, details }`; may be empty. */
  readonly body: string;
}
