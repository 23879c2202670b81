import type { Json } from '../core/json.js';
import type { Phase } from '../core/state.js';
import type { CommandTerms } from './contract.js';

/** What every handler is told about a command. */
export interface CommandFacts {
  /** The command's identity on every attempt: the idempotency key for effects outside. */
  readonly commandId: string;
  /** In a compensation: the command id of the action that it undoes. */
  readonly actionId: string | undefined;
  readonly saga: {
    readonly id: string;
    readonly key: string | undefined;
    readonly name: string;
    readonly version: number;
    readonly step: string;
  };
  /** From 1; counts within this command id. */
  readonly attempt: number;
  /** The place of this attempt in the saga's trace (W3C trace context); `undefined` when there is none. */
  readonly traceparent: string | undefined;
}
/** What a handler of one command is told about it. */
export interface HandlerFacts extends CommandFacts {
  /** Aborted when the command's time is up or the process drains. */
  readonly abortSignal: AbortSignal;
}
/** What a handler whose effects are all in the transaction gets. */
export interface CommandContext<Tx = undefined> extends HandlerFacts {
  /** The transaction that records the command as handled. */
  readonly tx: Tx;
}
/** What a handler with effects outside the transaction gets: no transaction is open while it runs. */
export interface OutsideContext<Tx = undefined> extends HandlerFacts {
  /**
   * Registers work for the short transaction that stores the reply; it runs after the handler has returned, in the order of
   * registration, and not at all if the handler throws.
   */
  readonly store: (work: (tx: Tx) => Promise<void>) => void;
}
/** One of the commands that a handler of many gets. */
export interface Incoming<Request> extends CommandFacts {
  readonly request: Request;
}
/** What a handler of many commands gets besides them. */
export interface ManyContext<Tx = undefined> {
  /** The transaction that records all the commands as handled. */
  readonly tx: Tx;
  /** Aborted when the time of the call is up or the process drains. */
  readonly abortSignal: AbortSignal;
}

/** `transaction`: everything is done through `tx`. `outside`: something is not, so it happens at least once, under the command id. */
export type Effects = 'transaction' | 'outside';

/** A participant as its run time consumes it: instances made, faults excluded. */
export interface ParticipantDeclaration {
  /** The contract's name: the queue's, and the first part of every command's type. */
  readonly participant: string;
  readonly inbox: boolean;
  readonly batch: number | undefined;
  /** By command name. */
  readonly commands: ReadonlyMap<string, HandlerDeclaration>;
  /** Commands of the contract that nothing declared here handles (parts of a contract may be served by other processes). */
  readonly unhandled: readonly string[];
  /** Run once at start to make what the handlers need in their database. */
  readonly prepare: ((tx: unknown) => Promise<void>) | undefined;
}
/** One handler with all that calling it takes. */
export interface HandlerDeclaration {
  /** Type, readers and rejections. The request's *read* value is handed over; the reply is sent as returned, once `readReply` accepts it. */
  readonly command: CommandTerms;
  /** Says, with `many`, which of the contexts `handle` wants. */
  readonly effects: Effects;
  /** At most this many at a time. `undefined`: the host's default. */
  readonly concurrency: number | undefined;
  /** Runs alone, never in a group's transaction. */
  readonly slow: boolean;
  /** `handle` wants a list of {@link Incoming} instead of a request, and gives as many answers. Only with effects in the transaction. */
  readonly many: boolean;
  /** Rows of this command are kept this long. `undefined`: the host's default. */
  readonly horizonMs: number | undefined;
  /** For messages: `PaymentService.charge`. */
  readonly where: string;
  /** Seals what is sensitive in a reply to this command; absent: nothing is, or there are no keys. */
  readonly sealReply?: (reply: Json, command: AnsweredCommand) => Json;
  /** Also a handler that throws synchronously gives a rejected promise. */
  readonly handle: (
    request: unknown,
    context: CommandContext<unknown> | OutsideContext<unknown> | ManyContext<unknown>,
  ) => Promise<unknown>;
}
/** Which command a reply belongs to. */
export interface AnsweredCommand {
  readonly sagaId: string;
  readonly step: string;
  readonly phase: Phase;
  /** The saga's own key, sealed. */
  readonly payloadKey?: string | undefined;
}
