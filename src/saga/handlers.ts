import { parseDuration } from '../core/duration.js';
import { SagaError } from '../core/errors.js';
import { contractTermsOf, termsOf, type CommandTerms, type ContractTerms } from './contract.js';
import { groupBy } from './group-by.js';
import { makeAlone, type AnyClass, type Made } from './instances.js';
import { DEFINITION, HANDLES, PARTICIPANT, type DeclaredClass, type HandledMethod, type HandlerOptions } from './participant.js';
import type { ParticipantDefinition, ParticipantTarget } from './participant.js';
import type { HandlerDeclaration, ParticipantDeclaration } from './participant-declaration.js';
import { fieldsOf, lookedAt, shown } from './written.js';

/**
 * The declarations of participants, one for each participant name, with every fault of all of them in one
 * `SAGA_DEFINITION_INVALID`. `make` gives the instance of a class; by default only classes without dependencies can be made.
 */
export function declarationsOf(
  targets: Iterable<ParticipantTarget>,
  make: (type: AnyClass) => Made = makeAlone,
): readonly ParticipantDeclaration[] {
  const parts = [...new Set(targets)].map((target) => readablePart(target, make));
  const faults = [...parts.flatMap((part) => part.faults), ...duplicateFaults(parts), ...conflictFaults(parts)];
  if (faults.length > 0) throw new SagaError('SAGA_DEFINITION_INVALID', 'the participants are declared wrongly:', faults);
  return [...groupBy(parts, (part) => part.terms!.participant).values()].map(merge);
}

/** The declaration of one participant alone; see {@link declarationsOf}. */
export function handlersOf(target: ParticipantTarget, make?: (type: AnyClass) => Made): ParticipantDeclaration {
  return declarationsOf([target], make)[0]!;
}

/** Whether a value declares a participant, of either form. */
export function isParticipant(value: unknown): value is ParticipantTarget {
  if (typeof value === 'function') return Reflect.hasOwnMetadata(PARTICIPANT, value);
  return typeof value === 'object' && value !== null && DEFINITION in value;
}

/** What one target contributes. */
interface Part {
  readonly source: string;
  /** Absent only where `faults` says why. */
  readonly terms: ContractTerms | undefined;
  readonly handlers: readonly HandlerDeclaration[];
  readonly prepare: ((tx: unknown) => Promise<void>) | undefined;
  readonly faults: readonly string[];
}
type Handle = (request: unknown, context: unknown) => unknown;

/** A declaration that throws when it is looked at is one fault among the others. */
function readablePart(target: ParticipantTarget, make: (type: AnyClass) => Made): Part {
  const faults: string[] = [];
  const part = lookedAt(() => partOf(target, make), undefined, faults);
  return part ?? broken(typeof target === 'function' ? target.name : 'participant(…)', faults.join('; '));
}

function partOf(target: ParticipantTarget, make: (type: AnyClass) => Made): Part {
  if (typeof target === 'function') return partOfClass(target, make);
  if (isParticipant(target)) return partOfDefinition(target as ParticipantDefinition);
  return broken('a participant', 'it is neither a class under @Participant(…) nor made by participant(…)');
}

function partOfClass(type: AnyClass, make: (type: AnyClass) => Made): Part {
  const declared = Reflect.getOwnMetadata(PARTICIPANT, type) as DeclaredClass | undefined;
  if (!declared) return broken(type.name, 'it has no @Participant(contract)');
  const terms = contractTermsOf(declared.contract);
  if (!terms) return broken(type.name, '@Participant(…) needs a contract; is its module imported in a circle?');
  const methods = handledMethods(type);
  const prepare = (type as { readonly prepare?: unknown }).prepare;
  const faults = [
    ...methodFaults(type, terms, declared.only, methods),
    ...methods.flatMap((method) => commandFaults(terms, method).map((fault) => `${type.name}.${method.method}: ${fault}`)),
    ...(prepare === undefined || typeof prepare === 'function' ? [] : [`${type.name}.prepare: it must be a function`]),
  ];
  if (faults.length > 0) return { source: type.name, terms, handlers: [], prepare: undefined, faults };
  const made = make(type);
  if (!made.ok) return broken(type.name, made.fault);
  const instance = made.instance as Record<string, Handle>;
  return {
    source: type.name,
    terms,
    handlers: methods.map(({ command, method, ...wanted }) =>
      handlerOf(termsOf(command)!, `${type.name}.${method}`, wanted, (request, context) => instance[method]!(request, context)),
    ),
    prepare: prepare ? (tx) => (prepare as (tx: unknown) => Promise<void>).call(type, tx) : undefined,
    faults,
  };
}

/** Those of the class and of what it extends; a method declared again counts once, as the class has it. */
function handledMethods(type: AnyClass): readonly HandledMethod[] {
  const found: HandledMethod[] = [];
  for (let at: unknown = type.prototype; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    const own = (Reflect.getOwnMetadata(HANDLES, at as object) as HandledMethod[] | undefined) ?? [];
    const inherited = new Set(found.map(({ method }) => method));
    found.push(...own.filter(({ method }) => !inherited.has(method)));
  }
  return found;
}

function methodFaults(type: AnyClass, terms: ContractTerms, only: readonly string[], methods: readonly HandledMethod[]): string[] {
  const handled = new Set(methods.map(({ command }) => termsOf(command)?.command));
  const prototype = type.prototype as Record<string, unknown>;
  const unknown = only.filter((name) => !terms.commands.has(name));
  return [
    ...unknown.map((name) => `${type.name}: '${terms.participant}' has no command '${name}'`),
    ...[...terms.commands.keys()].flatMap((name) => {
      if (handled.has(name)) return [];
      if (typeof prototype[name] === 'function')
        return [`${type.name}.${name}: it is named like a command but is not marked; put @Handles(…) on it, or give it another name`];
      if (only.length > 0 && !only.includes(name)) return [];
      return [`${type.name}: the command '${terms.participant}.${name}' has no handler; add a method '${name}' with @Handles(…)`];
    }),
  ];
}

function partOfDefinition(definition: ParticipantDefinition): Part {
  const terms = contractTermsOf(definition.contract);
  if (!terms) return broken('participant(…)', 'its first argument must be a contract; is its module imported in a circle?');
  const source = `participant(${terms.participant})`;
  const unread: string[] = [];
  const entries = Object.entries(fieldsOf(definition.handlers, 'its second argument', unread)).map(([name, entry]) => ({
    name,
    ...entryOf(entry),
  }));
  const missing = [...terms.commands.keys()].filter((name) => !entries.some((entry) => entry.name === name));
  const faults = [
    ...unread.map((fault) => `${source}: ${fault}`),
    ...missing.map((name) => `${source}: the command '${terms.participant}.${name}' has no handler; add '${name}'`),
    ...entries.flatMap(({ name, handle, ...wanted }) => [
      ...(terms.commands.has(name) ? [] : [`${source}.${shown(name)}: '${terms.participant}' has no command '${shown(name)}'`]),
      ...(typeof handle === 'function' ? [] : [`${source}.${shown(name)}: it must be a function, or { handle, … }`]),
      ...optionFaults(wanted).map((fault) => `${source}.${shown(name)}: ${fault}`),
    ]),
  ];
  if (faults.length > 0) return { source, terms, handlers: [], prepare: undefined, faults };
  const handlers = entries.map(({ name, handle, ...wanted }) =>
    handlerOf(terms.commands.get(name)!, `${source}.${name}`, wanted, handle as Handle),
  );
  return { source, terms, handlers, prepare: definition.prepare, faults };
}

/** How a handler wants to be run, as it was written. */
type Wanted = Pick<HandledMethod, 'options' | 'many'>;

function entryOf(entry: unknown): Wanted & { readonly handle: unknown } {
  if (typeof entry !== 'object' || entry === null) return { handle: entry, options: {} };
  const { handle, many, ...options } = entry as HandlerOptions & { readonly handle?: unknown; readonly many?: boolean };
  return { handle, options, ...(many !== undefined && { many }) };
}

function handlerOf(command: CommandTerms, where: string, { options, many }: Wanted, handle: Handle): HandlerDeclaration {
  return Object.freeze({
    command,
    many: many ?? false,
    effects: options.effects ?? 'transaction',
    concurrency: options.concurrency,
    slow: options.slow ?? false,
    horizonMs: options.horizon === undefined ? undefined : parseDuration(options.horizon),
    where,
    // `async`: a handler that throws before its first await rejects like any other.
    handle: async (request: unknown, context: unknown) => handle(request, context),
  });
}

function commandFaults(terms: ContractTerms, { command, ...wanted }: HandledMethod): string[] {
  const of = termsOf(command);
  if (!of) return [`@${wanted.many ? 'HandlesMany' : 'Handles'}(…) needs a command of a contract; is its module imported in a circle?`];
  const foreign = terms.commands.get(of.command) !== of;
  return [...(foreign ? [`it handles '${of.type}', which is not a command of this participant's contract`] : []), ...optionFaults(wanted)];
}

function optionFaults({ options: { effects, concurrency, slow, horizon, ...unknown }, many }: Wanted): string[] {
  const faults = Object.keys(unknown).map((name) => `there is no option '${shown(name)}'`);
  if (effects !== undefined && effects !== 'transaction' && effects !== 'outside')
    faults.push(`option 'effects' must be 'transaction' or 'outside'`);
  if (many !== undefined && typeof many !== 'boolean') faults.push(`option 'many' must be true or false`);
  if (many === true && effects === 'outside')
    faults.push(`it takes many commands at once, so its effects must be in the transaction; with effects outside there is one at a time`);
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency >= 1))
    faults.push(`option 'concurrency' must be a whole number from 1`);
  if (slow !== undefined && typeof slow !== 'boolean') faults.push(`option 'slow' must be true or false`);
  if (horizon !== undefined && !(typeof horizon === 'string' && parseDuration(horizon)))
    faults.push(`option 'horizon' must be a duration such as '30d'`);
  return faults;
}

function duplicateFaults(parts: readonly Part[]): string[] {
  const byType = groupBy(
    parts.flatMap((part) => part.handlers),
    (handler) => handler.command.type,
  );
  return [...byType].flatMap(([type, handlers]) =>
    handlers.length > 1 ? [`the command '${type}' has several handlers: ${handlers.map((handler) => handler.where).join(', ')}`] : [],
  );
}

function conflictFaults(parts: readonly Part[]): string[] {
  const sound = parts.filter((part) => part.terms !== undefined);
  return [...groupBy(sound, (part) => part.terms!.participant)].flatMap(([name, of]) =>
    new Set(of.map((part) => part.terms)).size > 1
      ? [`${of.map((part) => part.source).join(', ')}: they declare the participant '${name}' with different contracts`]
      : [],
  );
}

function merge(parts: readonly Part[]): ParticipantDeclaration {
  const terms = parts[0]!.terms!;
  const commands = new Map(parts.flatMap((part) => part.handlers).map((handler) => [handler.command.command, handler]));
  const prepares = parts.flatMap((part) => part.prepare ?? []);
  return Object.freeze({
    participant: terms.participant,
    inbox: terms.inbox,
    batch: terms.batch,
    commands,
    unhandled: [...terms.commands.keys()].filter((name) => !commands.has(name)),
    prepare: prepares.length === 0 ? undefined : (tx: unknown) => inTurn(prepares, tx),
  });
}

async function inTurn(prepares: readonly ((tx: unknown) => Promise<void>)[], tx: unknown): Promise<void> {
  for (const prepare of prepares) await prepare(tx);
}

function broken(source: string, fault: string): Part {
  return { source, terms: undefined, handlers: [], prepare: undefined, faults: [`${source}: ${fault}`] };
}
