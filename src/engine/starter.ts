import { messageOf, SagaError } from '../core/errors.js';
import { rememberText } from '../core/json-text.js';
import { toJson, utf8Bytes, type Json, type Limits } from '../core/json.js';
import { planFor, vaultOf, type Plan } from '../core/plan.js';
import { INPUT_PLACE, NotOpened, openMarked, sealMarked } from '../core/sealing.js';
import { readTrace, type GivenTrace } from '../core/trace-context.js';
import type { Ids } from '../ports/ids.js';
import type { OwnKey } from '../ports/saga-store.js';
import type { PayloadSealing } from '../ports/sealing.js';
import type { Definitions } from './definitions.js';
import type { StartRequest } from './service.js';
import type { EngineTracing } from './tracing.js';
import type { StartWork } from './work.js';

/** A digest that nobody can find two texts for, as hex. SHA-256 in the composition; the engine itself does no cryptography. */
export type Hash = (data: string | Uint8Array) => string;

const MAX_TAGS = 32;

/** What a start is checked by. */
export type StartHead = Pick<Plan, 'name' | 'readInput' | 'keyOf' | 'sensitive'>;
export interface CheckedStart {
  /** As it was given. */
  readonly sent: { readonly value: Json; readonly text: string };
  /** As the definition reads it. */
  readonly input: { readonly value: Json; readonly text: string };
  /** The one given, else what the definition makes of the input. */
  readonly key: string | undefined;
  /** The caller's. */
  readonly trace: GivenTrace;
}

/** Checks a request by what its definition says of itself. Throws SAGA_INPUT_INVALID with every fault. */
export function checkStart(head: StartHead, request: Omit<StartRequest, 'name' | 'version'>, limits: Limits): CheckedStart {
  const sent = toJson(request.input, 'input', limits);
  const faults = [...(sent.ok ? [] : sent.faults), ...tagFaults(request.tags, limits), ...nameFaults('startId', request.startId, limits)];
  if (!sent.ok || faults.length > 0) throw invalid(head, faults);
  const read = readInput(head, sent.value);
  // What a schema made of the input is stored, so it has to be JSON too.
  const input = read === sent.value ? sent : toJson(read, 'the input as the schema reads it', limits);
  if (!input.ok) throw invalid(head, input.faults);
  const key = request.key ?? keyOf(head, read);
  const keyFaults = nameFaults('key', key, limits);
  if (keyFaults.length > 0) throw invalid(head, keyFaults);
  return { sent, input, key, trace: readTrace(request.traceparent, request.tracestate) };
}

/** What makes a beginning of a request. */
interface StartParts {
  readonly definitions: Definitions;
  readonly ids: Ids;
  readonly hash: Hash;
  readonly limits: Limits;
  readonly tracing: EngineTracing | undefined;
  readonly sealing: PayloadSealing | undefined;
}

/**
 * Checks a request and makes the saga's beginning of it; nothing is started yet. Throws SAGA_UNKNOWN_DEFINITION, SAGA_INPUT_INVALID
 * with every fault, or SAGA_PAYLOAD_KEY_MISSING.
 */
export function prepareStart(request: StartRequest, parts: StartParts): Omit<StartWork, 'kind' | 'caller'> {
  const { definitions, ids, limits, tracing } = parts;
  const known = definitions.forStart(request.name, request.version);
  const id = ids.sagaId();
  const { sent, input, key, trace } = checkStart(known, { ...request, input: openedInput(known, id, request.input) }, limits);
  const ownKey = ownKeyOf(known, id, input.value, parts);
  const plan = planFor(known, ownKey?.key);
  const stored = sealedInput(plan, id, input, limits);
  const { bytes } = rememberText(stored.value, stored.text);
  const begun = trace.traceparent === null ? tracing?.active()?.begin({ id, name: plan.name, version: plan.version }) : undefined;
  const { traceparent, tracestate } = begun ?? trace;
  return {
    plan,
    ...(begun && { trace: begun }),
    beginning: {
      id,
      key: key ?? null,
      tags: { ...request.tags },
      traceparent,
      ...(tracestate === undefined ? {} : { tracestate }),
      input: stored.value,
      bytes,
      by: request.by,
      ...(ownKey && { ownKey: true }),
    },
    ownKey,
    // Only an identity can be used twice. The version is not part of it: repeating a start after a newer version was loaded gives the saga
    // that is there.
    ...(key === undefined && request.startId === undefined
      ? { inputHash: '' }
      : inputHashes(plan, canonicalJson([plan.name, key ?? null, sent.value]), parts)),
    startId: request.startId ?? null,
  };
}

/** Whoever wrote the start down in the database sealed it for the saga's id. */
function openedInput(plan: Plan, id: string, input: unknown): unknown {
  try {
    return openMarked(vaultOf(plan, id), input, plan.sensitive, INPUT_PLACE);
  } catch (error: unknown) {
    if (!(error instanceof NotOpened)) throw error;
    if (error.why === 'forged') throw invalid(plan, [error.message]);
    throw new SagaError('SAGA_PAYLOAD_KEY_MISSING', `${plan.name} cannot be started yet: ${error.message}`, [], { cause: error });
  }
}
/** Throws SAGA_INPUT_INVALID for one that grows too large. */
export function sealedInput(plan: StartHead & Pick<Plan, 'sealing'>, id: string, input: CheckedStart['input'], limits: Limits) {
  const value = plan.sealing ? sealMarked(plan.sealing(id), input.value, plan.sensitive, INPUT_PLACE) : input.value;
  if (value === input.value) return input;
  const text = JSON.stringify(value);
  const bytes = utf8Bytes(text);
  if (bytes > limits.payloadBytes) throw invalid(plan, [`sealed it has ${bytes} bytes; the limit is ${limits.payloadBytes}`]);
  return { value, text };
}

/** Of a saga that says whose data it holds, where there are keys. */
function ownKeyOf(plan: Plan, id: string, input: unknown, { sealing, limits }: StartParts): OwnKey | undefined {
  if (!sealing || !plan.sealing || !plan.subjectOf) return undefined;
  const subject = textOf(plan, 'subject', plan.subjectOf, input);
  const faults = nameFaults('subject', subject, limits);
  if (faults.length > 0) throw invalid(plan, faults);
  return { subject, key: sealing.newOwnKey(id) };
}

/** A plain hash of something sensitive could be found by trying, so it is made with a key; the other ones are of the time before that key. */
function inputHashes({ sensitive }: Plan, text: string, { hash, sealing }: StartParts): Pick<StartWork, 'inputHash' | 'earlierHashes'> {
  if (!sensitive || !sealing) return { inputHash: hash(text) };
  const [inputHash = '', ...earlier] = sealing.digests(text);
  return { inputHash, earlierHashes: [...earlier, hash(text)] };
}

/** JSON text that does not depend on the order in which fields were written. */
export function canonicalJson(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalJson(item)).join(',')}]`;
  const fields = value as { readonly [key: string]: Json };
  const keys = Object.keys(fields).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(fields[key]!)}`).join(',')}}`;
}

function readInput(head: StartHead, input: Json): unknown {
  try {
    const reading = head.readInput(input);
    if (reading.ok) return reading.value;
    throw invalid(head, reading.faults);
  } catch (error: unknown) {
    if (error instanceof SagaError) throw error;
    throw invalid(head, [`the input's schema failed: ${messageOf(error)}`]);
  }
}

function keyOf(head: StartHead, input: unknown): string | undefined {
  return head.keyOf && textOf(head, 'key', head.keyOf, input);
}

/** What a function of the definition makes of the input. */
function textOf(head: StartHead, what: string, make: (input: unknown) => unknown, input: unknown): string {
  let text: unknown;
  try {
    text = make(input);
  } catch (error: unknown) {
    throw invalid(head, [`the ${what} cannot be made of the input: ${messageOf(error)}`]);
  }
  if (typeof text === 'string') return text;
  throw invalid(head, [`the ${what} made of the input is ${text === null ? 'null' : typeof text}, not a string`]);
}

function nameFaults(what: string, text: unknown, limits: Limits): string[] {
  if (text === undefined) return [];
  if (typeof text !== 'string' || text === '') return [`${what} has to be a text that is not empty`];
  const bytes = utf8Bytes(text);
  if (bytes > limits.nameBytes) return [`${what} has ${bytes} bytes; the limit is ${limits.nameBytes}`];
  const checked = toJson(text, what, limits);
  return checked.ok ? [] : [...checked.faults];
}

function tagFaults(tags: unknown, limits: Limits): string[] {
  if (tags === undefined) return [];
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags)) return ['tags has to be an object of texts'];
  const entries = Object.entries(tags);
  const faults = entries.length > MAX_TAGS ? [`tags has ${entries.length} entries; the limit is ${MAX_TAGS}`] : [];
  for (const [name, value] of entries.slice(0, MAX_TAGS)) {
    if (name === '__proto__') faults.push('tags has a field named __proto__');
    faults.push(
      ...nameFaults(`the name of tag '${name.slice(0, 50)}'`, name, limits),
      ...nameFaults(`tag ${name.slice(0, 50)}`, value, limits),
    );
  }
  return faults;
}

function invalid(head: StartHead, faults: readonly string[]): SagaError {
  return new SagaError('SAGA_INPUT_INVALID', `${head.name} cannot be started with this:`, faults);
}
