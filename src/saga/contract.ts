import { SagaError } from '../core/errors.js';
import { WIRE_NAME, type Reader } from '../core/plan.js';
import { MAX_BATCH } from '../core/wire-limits.js';
import { KEY_MISSING, type SensitiveParts } from '../core/sealing.js';
import { isSchema, readNothing, readerOf, type AnySchema, type JsonFault, type ReadOf, type Schema, type SentOf } from './schema.js';
import { marksIn } from './sensitive.js';
import { fieldsOf, lookedAt, shown } from './written.js';

/* oxlint-disable typescript/no-explicit-any -- `any` in the position of a type argument: "a command of whatever types" */

/** Where a command keeps its {@link CommandTerms}. */
export const commandTerms: unique symbol = Symbol.for('backstep.command');
/** Where a contract keeps its {@link ContractTerms}. */
export const contractTerms: unique symbol = Symbol.for('backstep.contract');
/** Marks rejections, also those of another copy of this package. */
const rejectionMark = Symbol.for('backstep.rejection');

/** Codes that the protocol itself answers with; no contract may declare them. */
export const RESERVED_CODES: readonly string[] = ['undone', 'beyond-horizon', 'id-reused', KEY_MISSING];

/**
 * One command of a participant. `Request` and `Reply` are what a sender writes, `Received` and `Got` what the other side reads (they
 * differ only where a schema transforms).
 */
export interface Command<Name extends string, Request, Reply, Code extends string, Received = Request, Got = Reply> {
  /** `<participant>.<command>`, as on the wire. */
  readonly name: Name;
  /** A business "no" with one of the codes of the contract; throw it in a handler. */
  rejection(code: Code, options?: RejectionOptions): Rejection<Code>;
  /** Type-level only. */
  readonly '~types': {
    readonly request: Request;
    readonly reply: Reply;
    readonly code: Code;
    readonly received: Received;
    readonly got: Got;
  };
}
export type AnyCommand = Command<string, any, any, any, any, any>;

/** What a rejection tells besides its code. */
export interface RejectionOptions {
  /** For people. Default: the code. */
  readonly message?: string;
  /** For programs; JSON. */
  readonly details?: unknown;
}
/** A business "no": the command had no effect, and the saga turns back. Made by the command's `rejection()`. */
export class Rejection<Code extends string = string> extends Error {
  override get name(): string {
    return 'Rejection';
  }
  readonly details: unknown;
  constructor(
    readonly code: Code,
    /** The command that is rejected, `<participant>.<command>`. */
    readonly command: string,
    options: RejectionOptions = {},
  ) {
    super(options.message ?? code);
    this.details = options.details;
    Object.defineProperty(this, rejectionMark, { value: true });
  }
}
/** Whether a thrown value is a rejection with a code that this command declares; any other throw is an error, to be tried again. */
export function isRejectionOf(terms: CommandTerms, thrown: unknown): thrown is Rejection {
  return isRejection(thrown) && terms.rejections.includes(thrown.code);
}
/** Whether a thrown value is a rejection, of whatever command. Never throws, whatever was thrown. */
export function isRejection(thrown: unknown): thrown is Rejection {
  try {
    return thrown instanceof Error && rejectionMark in thrown;
  } catch {
    return false;
  }
}

/** What is known of a command at run time. */
export interface CommandTerms {
  readonly participant: string;
  /** Its name in the contract. */
  readonly command: string;
  /** `<participant>.<command>`: the message's `type`. */
  readonly type: string;
  /** False: the participant keeps no inbox. */
  readonly inbox: boolean;
  /** The participant takes up to this many commands in one message. */
  readonly batch: number | undefined;
  /** Every copy of the command gets the first answer, with or without an inbox. */
  readonly idempotent: boolean;
  /** Checks what a sender wrote; a receiver reads its value. */
  readonly readRequest: Reader;
  /** Checks what a handler returned; the orchestrator reads its value. */
  readonly readReply: Reader;
  readonly rejections: readonly string[];
  /** Absent: nothing is. */
  readonly sensitive?: SensitiveParts;
}
/** What is known of a contract at run time. */
export interface ContractTerms<Name extends string = string> {
  readonly participant: Name;
  readonly inbox: boolean;
  readonly batch: number | undefined;
  /** By command name, in the order of the contract. */
  readonly commands: ReadonlyMap<string, CommandTerms>;
}
/** The terms of a command; `undefined` for anything else. */
export function termsOf(command: unknown): CommandTerms | undefined {
  return (command as { readonly [commandTerms]?: CommandTerms } | null | undefined)?.[commandTerms];
}
/** The terms of a contract; `undefined` for anything else. */
export function contractTermsOf(contract: unknown): ContractTerms | undefined {
  return (contract as { readonly [contractTerms]?: ContractTerms } | null | undefined)?.[contractTerms];
}

/** What {@link command} gives: a command that has no name yet; {@link contract} names it. */
export interface CommandShape<Types extends ShapeTypes> extends AnyShape {
  readonly '~shape': Types;
}
export interface ShapeTypes {
  readonly request: unknown;
  readonly reply: unknown;
  readonly code: string;
  readonly received: unknown;
  readonly got: unknown;
}
/** Not the generic form: `any` there would flow back into {@link command} as the type of a missing reply. */
export interface AnyShape {
  readonly '~shape': object;
}
/** Describes a command: its request, its reply (default: none) and the codes it may be rejected with (default: it cannot say no). */
export function command<Q extends AnySchema, R extends AnySchema = Schema<void>, const Code extends string = never>(shape: {
  readonly request: Q & JsonFault<Q>;
  readonly reply?: R & JsonFault<R>;
  readonly rejections?: readonly Code[];
  /**
   * Default false. True: whoever handles the command gives a copy of it (the same command id) the answer that it gave the first time,
   * also if it was interrupted then: it hands the command id on as the idempotency key of a payment provider, say, or the answer
   * follows from the request alone. So a `rejected` proves that nothing happened, and the step is not undone, although the participant
   * keeps no inbox. With an inbox it changes nothing.
   */
  readonly idempotent?: boolean;
}): CommandShape<{ request: SentOf<Q>; reply: SentOf<R>; code: Code; received: ReadOf<Q>; got: ReadOf<R> }> {
  // The types live at the type level only; at run time a shape is what was written, and `contract` checks it under its name.
  return Object.freeze({ '~shape': Object.freeze({ ...shape }) }) as never;
}

type Named<Name extends string, T extends ShapeTypes> = Command<Name, T['request'], T['reply'], T['code'], T['received'], T['got']>;
/** A participant's commands by name. */
export type Contract<Name extends string, Shapes> = { readonly [contractTerms]: ContractTerms<Name> } & {
  readonly [K in keyof Shapes & string]: Shapes[K] extends { readonly '~shape': infer T extends ShapeTypes }
    ? Named<`${Name}.${K}`, T>
    : never;
};
export interface ContractOptions {
  /**
   * Default true. False: the participant does not record what it has handled, so it cannot be fenced, and its `rejected` proves nothing
   * except for commands that are `idempotent`.
   */
  readonly inbox?: boolean;
  /**
   * The participant takes up to this many commands in one message, at most 1,000; 50 is a good value. Only for participants that use
   * the SDK or read the batch format of docs/wire.md. Default: one command per message.
   */
  readonly batch?: number;
}
/**
 * A participant's contract: its name on the wire and its commands. Throws `SAGA_DEFINITION_INVALID` with every fault in it.
 */
export function contract<const Name extends string, Shapes extends Record<string, AnyShape>>(
  participant: Name,
  commands: Shapes,
  options: ContractOptions = {},
): Contract<Name, Shapes> {
  const faults = contractFaults(participant, commands, options);
  if (faults.length > 0)
    throw new SagaError('SAGA_DEFINITION_INVALID', `the contract '${shown(participant)}' is declared wrongly:`, faults);
  const named = Object.entries(commands).map(([name, shape]) => [name, nameCommand(participant, name, shape, options)] as const);
  const terms: ContractTerms = {
    participant,
    inbox: options.inbox ?? true,
    batch: options.batch,
    commands: new Map(named.map(([name, { [commandTerms]: of }]) => [name, of])),
  };
  return Object.freeze({ ...Object.fromEntries(named), [contractTerms]: Object.freeze(terms) }) as never;
}

type TypesOf<C> = C extends { readonly '~types': infer T } ? T : never;
/** What a handler receives. */
export type RequestOf<C extends AnyCommand> = TypesOf<C>['received'];
/** What a handler returns. */
export type ReplyOf<C extends AnyCommand> = TypesOf<C>['reply'];
/** The codes a command may be rejected with. */
export type CodeOf<C extends AnyCommand> = TypesOf<C>['code'];

interface WrittenShape {
  readonly request?: unknown;
  readonly reply?: unknown;
  readonly rejections?: readonly string[];
  readonly idempotent?: boolean;
}

function nameCommand(participant: string, name: string, shape: AnyShape, options: ContractOptions) {
  const written = shape['~shape'] as WrittenShape;
  const type = `${participant}.${name}`;
  const sensitive = { request: marksIn(written.request, 'request'), reply: marksIn(written.reply, 'reply') };
  const terms: CommandTerms = Object.freeze({
    participant,
    command: name,
    type,
    inbox: options.inbox ?? true,
    batch: options.batch,
    idempotent: written.idempotent ?? false,
    readRequest: readerOf(written.request as Schema, `${type}'s request`),
    readReply: written.reply === undefined ? readNothing : readerOf(written.reply as Schema, `${type}'s reply`),
    rejections: Object.freeze([...(written.rejections ?? [])]),
    ...(sensitive.request.length + sensitive.reply.length > 0 && { sensitive: Object.freeze(sensitive) }),
  });
  const rejection = (code: string, details?: RejectionOptions) => new Rejection(code, type, details);
  return Object.freeze({ name: type, rejection, [commandTerms]: terms });
}

const COMMAND_NAME = /^[A-Za-z][A-Za-z0-9]{0,99}$/;

function contractFaults(participant: string, commands: Record<string, AnyShape>, options: ContractOptions): string[] {
  const faults: string[] = [];
  lookedAt(() => addContractFaults(participant, commands, options, faults), undefined, faults);
  return faults;
}

function addContractFaults(participant: string, commands: unknown, options: unknown, faults: string[]): void {
  if (typeof participant !== 'string' || !WIRE_NAME.test(participant))
    faults.push(
      `the participant's name '${shown(participant)}' must be letters, digits, '-' and '_', begin with a letter and have at most 100`,
    );
  if (participant === 'backstep') faults.push(`the name 'backstep' is taken: it is the namespace of the protocol's own messages`);
  const { inbox, batch, ...unknown } = fieldsOf(options, 'the third argument', faults);
  if (inbox !== undefined && typeof inbox !== 'boolean') faults.push(`option 'inbox' must be true or false`);
  if (batch !== undefined && !(Number.isInteger(batch) && (batch as number) >= 1 && (batch as number) <= MAX_BATCH))
    faults.push(`option 'batch' must be a whole number from 1 to ${MAX_BATCH}`);
  for (const name of Object.keys(unknown))
    faults.push(`there is no option '${shown(name)}'; the options of a contract are 'inbox' and 'batch'`);
  const entries = Object.entries(commands ?? {});
  if (entries.length === 0) faults.push('it has no commands');
  for (const [name, shape] of entries) {
    const own: string[] = [];
    lookedAt(() => own.push(...shapeFaults(name, shape)), 0, own);
    faults.push(...own.map((fault) => `command '${shown(name)}': ${fault}`));
  }
}

function shapeFaults(name: string, shape: unknown): string[] {
  const faults: string[] = [];
  if (!COMMAND_NAME.test(name)) faults.push('its name must be letters and digits, begin with a letter and have at most 100');
  const written = (shape as AnyShape | null | undefined)?.['~shape'] as WrittenShape | undefined;
  if (written === undefined) return [...faults, 'describe it with command({ request, … })'];
  if (!isSchema(written.request)) faults.push(`'request' must be a schema (Standard Schema, or typed<…>())`);
  if (written.reply !== undefined && !isSchema(written.reply)) faults.push(`'reply' must be a schema (Standard Schema, or typed<…>())`);
  marksIn(written.request, 'request', faults);
  marksIn(written.reply, 'reply', faults);
  if (written.idempotent !== undefined && typeof written.idempotent !== 'boolean') faults.push(`'idempotent' must be true or false`);
  return [...faults, ...codeFaults(written.rejections ?? [])];
}

function codeFaults(codes: unknown): string[] {
  if (!Array.isArray(codes)) return [`'rejections' must be a list of codes`];
  return (codes as readonly unknown[]).flatMap((code, index) => {
    if (typeof code !== 'string' || !WIRE_NAME.test(code))
      return [`the rejection '${shown(code)}' must be letters, digits, '-' and '_', and begin with a letter`];
    if (RESERVED_CODES.includes(code)) return [`the rejection '${code}' is reserved for the protocol; choose another code`];
    return codes.indexOf(code) < index ? [`the rejection '${code}' is declared twice`] : [];
  });
}
