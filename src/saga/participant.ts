import 'reflect-metadata';
import { injectable } from 'inversify';
import type { AnyCommand, CodeOf, Contract, Rejection, ReplyOf, RequestOf } from './contract.js';
import type { CommandContext, Effects, Incoming, ManyContext, OutsideContext } from './participant-declaration.js';
import type { Duration } from '../core/duration.js';
import { frozenCopy } from './written.js';

/* oxlint-disable typescript/no-explicit-any -- handlers are compared by conditional types; `any` only marks what is being inferred */

type Handler = (request: any, context: any) => any;
type Given<H extends Handler> = Parameters<H> extends [infer Q, ...any[]] ? Q : unknown;
type Context<H extends Handler> = Parameters<H> extends [any, infer X, ...any[]] ? X : unknown;
type ContextOf<E> = [E] extends ['outside'] ? OutsideContext<any> : CommandContext<any>;

/** How a handler wants to be run. */
export interface HandlerOptions<E extends Effects = Effects> {
  /**
   * `transaction` (default): everything the handler does, it does through `tx`. `outside`: it does something else as well (calls a card
   * gateway, awaits another service): it runs without a transaction, at least once, with the command id as idempotency key.
   */
  readonly effects?: E;
  /** At most this many of this command at a time. Default: the host's. */
  readonly concurrency?: number;
  /** Runs alone instead of in a group's transaction. Default false. */
  readonly slow?: boolean;
  /** How long after their last use the rows of this command are kept. Default: the host's. */
  readonly horizon?: Duration;
}

/** `unknown` where the handler fits the command, else an object that says why not. */
export type HandlerFault<C extends AnyCommand, H extends Handler, E extends Effects = 'transaction'> = [RequestOf<C>] extends [Given<H>]
  ? [Awaited<ReturnType<H>>] extends [ReplyOf<C>]
    ? [ContextOf<E>] extends [Context<H>]
      ? unknown
      : { 'effects are': E; 'so the context is': ContextOf<E>; 'but the handler wants': Context<H> }
    : { 'the handler must return': ReplyOf<C>; 'but returns': Awaited<ReturnType<H>> }
  : { 'the handler must accept': RequestOf<C>; 'but accepts': Given<H> };
/**
 * What a handler of many commands returns: one answer for each, in their order. A "no" is `command.rejection(code)` in the place of a
 * reply, not thrown.
 */
export type AnswersOf<C extends AnyCommand> = readonly (ReplyOf<C> | ([CodeOf<C>] extends [never] ? never : Rejection<CodeOf<C>>))[];
/** Where there is neither a reply nor a "no", nothing needs to be returned. */
type ManyReturn<C extends AnyCommand> = AnswersOf<C> | ([CodeOf<C>, ReplyOf<C>] extends [never, void] ? void : never);
/** The same as {@link HandlerFault} for a handler of many commands. */
export type ManyFault<C extends AnyCommand, H extends Handler> = [readonly Incoming<RequestOf<C>>[]] extends [Given<H>]
  ? [Awaited<ReturnType<H>>] extends [ManyReturn<C>]
    ? [ManyContext<any>] extends [Context<H>]
      ? unknown
      : { 'of many commands, so the context is': ManyContext<any>; 'but the handler wants': Context<H> }
    : { 'the handler must return': ManyReturn<C>; 'but returns': Awaited<ReturnType<H>> }
  : { 'the handler must accept': readonly Incoming<RequestOf<C>>[]; 'but accepts': Given<H> };
type Last<Name extends string> = Name extends `${string}.${infer L}` ? L : Name;

/** Marks the method that handles a command; it has the command's name. */
export function Handles<C extends AnyCommand, const E extends Effects = 'transaction'>(
  command: C,
  options: HandlerOptions<E> = {},
): <H extends Handler>(
  target: object,
  method: Last<C['name']>,
  descriptor: TypedPropertyDescriptor<H> & HandlerFault<C, H, NoInfer<E>>,
) => void {
  return (target, method) => mark(target, { command, method: String(method), options });
}

/**
 * Marks the method that handles all commands of this kind that run together, with one call: for set-based SQL. It has the command's
 * name, gets a list of {@link Incoming} and returns {@link AnswersOf} it. A list may have one element, and commands may be given more
 * than once before they are answered; nothing stays of a call whose answers do not count.
 */
export function HandlesMany<C extends AnyCommand>(
  command: C,
  options: HandlerOptions<'transaction'> = {},
): <H extends Handler>(target: object, method: Last<C['name']>, descriptor: TypedPropertyDescriptor<H> & ManyFault<C, H>) => void {
  return (target, method) => mark(target, { command, method: String(method), options, many: true });
}

function mark(target: object, handled: HandledMethod): void {
  const own = (Reflect.getOwnMetadata(HANDLES, target) as HandledMethod[] | undefined) ?? [];
  Reflect.defineMetadata(HANDLES, [...own, handled], target);
}

type CommandNames<K> = K extends Contract<string, infer S> ? keyof S & string : never;
/** A method for every command of the contract. */
export type Handlers<K, Names extends string = CommandNames<K>> = { [N in Names]: Handler };
/**
 * Declares a class as the participant (or as a part of it, where commands are named); it must have a method for every command.
 * A `static prepare(tx)` is run once at start, to make the tables that the handlers need. Implies InversifyJS's `injectable()`.
 */
export function Participant<K extends Contract<string, any>, N extends CommandNames<K> = CommandNames<K>>(
  contract: K,
  ...only: N[]
): <S extends new (...dependencies: any[]) => Handlers<K, N>>(target: S) => void {
  return (target) => {
    injectable()(target);
    Reflect.defineMetadata(PARTICIPANT, { contract, only } satisfies DeclaredClass, target);
  };
}

/** A handler with options, for the form without a class. */
export interface HandlerEntry<H> extends Omit<HandlerOptions, 'effects'> {
  readonly handle: H;
}
/** Compared like a method, so that a handler may say which transaction it wants; {@link EntryFaults} compares the request strictly. */
type Loose<Request, Context, Reply> = { handler(request: Request, context: Context): Promise<Reply> }['handler'];
type LooseMany<C extends AnyCommand> = Loose<readonly Incoming<RequestOf<C>>[], ManyContext<unknown>, ManyReturn<C>>;
/** `effects` and `many` are named in every form, also where they cannot be, so that the compiler can tell them apart by their absence. */
type Entry<C extends AnyCommand> =
  | (Loose<RequestOf<C>, CommandContext<unknown>, ReplyOf<C>> & { readonly effects?: never; readonly many?: never })
  | (HandlerEntry<Loose<RequestOf<C>, CommandContext<unknown>, ReplyOf<C>>> & { readonly effects?: 'transaction'; readonly many?: false })
  | (HandlerEntry<Loose<RequestOf<C>, OutsideContext<unknown>, ReplyOf<C>>> & { readonly effects: 'outside'; readonly many?: false })
  | (HandlerEntry<LooseMany<C>> & { readonly effects?: 'transaction'; readonly many: true });
/** A handler for every command of the contract: a function, or `{ handle, effects, many, concurrency, slow, horizon }`. */
export type HandlerMap<K> =
  K extends Contract<string, any> ? { readonly [N in CommandNames<K>]: K[N] extends AnyCommand ? Entry<K[N]> : never } : never;
type EntryFault<C extends AnyCommand, H> = H extends Handler
  ? HandlerFault<C, H>
  : H extends { readonly effects: 'outside'; readonly handle: infer F extends Handler }
    ? HandlerFault<C, F, 'outside'>
    : H extends { readonly many: true; readonly handle: infer F extends Handler }
      ? ManyFault<C, F>
      : H extends { readonly handle: infer F extends Handler }
        ? HandlerFault<C, F>
        : unknown;
type EntryFaults<K, H> = {
  readonly [N in keyof H]: N extends keyof K ? (K[N] extends AnyCommand ? EntryFault<K[N], H[N]> : unknown) : { 'no such command': N };
};

/** A participant without a class, made by {@link participant}. */
export interface ParticipantDefinition<K = unknown, H = unknown, Tx = any> {
  readonly contract: K;
  readonly handlers: H;
  readonly prepare: ((tx: Tx) => Promise<void>) | undefined;
}
/** The same as {@link Participant} without a class: everything is inferred, and a handler that writes says `CommandContext<…>`. */
export function participant<K extends Contract<string, any>, H extends HandlerMap<K>, Tx = unknown>(
  contract: K,
  handlers: H & EntryFaults<K, H>,
  options: {
    /** Run once at start, to make the tables that the handlers need. */
    readonly prepare?: (tx: Tx) => Promise<void>;
  } = {},
): ParticipantDefinition<K, H, Tx> {
  const definition = { contract, handlers: frozenCopy(handlers), prepare: options.prepare };
  return Object.freeze(Object.defineProperty(definition, DEFINITION, { value: true }));
}

/** What a host takes: a class under {@link Participant}, or what {@link participant} gave. */
export type ParticipantTarget = (new (...dependencies: any[]) => object) | ParticipantDefinition;

type TxOf<X> = X extends { readonly tx: infer Tx }
  ? Tx
  : X extends { readonly store: (work: (tx: infer Tx) => Promise<void>) => void }
    ? Tx
    : unknown;
type TxWantedBy<M> = M extends (request: any, context: infer X) => any
  ? TxOf<X>
  : M extends { readonly handle: (request: any, context: infer X) => any }
    ? TxOf<X>
    : unknown;
/** In the position of an argument, so that what several handlers want is inferred as all of it together. */
type AllOf<T> = { [N in keyof T]: (wanted: TxWantedBy<T[N]>) => void }[keyof T] extends (wanted: infer W) => void ? W : unknown;
type PreparedWith<P> = P extends { prepare(tx: infer Tx): Promise<void> } ? Tx : unknown;
/** The transaction that a participant's handlers (and its `prepare`) want; `unknown` when none of them says. */
export type WantedTransaction<P> =
  P extends ParticipantDefinition<any, infer H, infer Tx>
    ? AllOf<H> & Tx
    : P extends new (...dependencies: any[]) => infer T
      ? AllOf<T> & PreparedWith<P>
      : unknown;
/** `unknown` where an inbox that gives `Tx` suits the participant, else an object that says why not. */
export type TransactionFault<P, Tx> = [Tx] extends [WantedTransaction<P>]
  ? unknown
  : { 'the handlers want the transaction': WantedTransaction<P>; 'the inbox gives': Tx };

/** Run-time marks; `Symbol.for`, so that another copy of this package in the process is understood too. */
export const HANDLES = Symbol.for('backstep.handles');
export const PARTICIPANT = Symbol.for('backstep.participant');
export const DEFINITION = Symbol.for('backstep.participant-definition');
export interface HandledMethod {
  readonly command: AnyCommand;
  readonly method: string;
  readonly options: HandlerOptions;
  /** It takes many commands at once. */
  readonly many?: boolean;
}
export interface DeclaredClass {
  readonly contract: unknown;
  readonly only: readonly string[];
}
