import type { Json } from './json.js';
import type { Phase } from './state.js';

/** Where a sensitive value is within a payload: the names on the way to it, `*` for every element or field; none: all of the payload. */
export type Mark = readonly string[];
/** What is sensitive in a command's payloads. */
export interface SensitiveParts {
  readonly request: readonly Mark[];
  readonly reply: readonly Mark[];
}

/** A value that only somebody with its key can read; the same wherever it is kept or sent. */
export interface Sealed {
  readonly $sealed: {
    /** Id of the key. */
    readonly kid: string;
    /** 12 bytes, base64. */
    readonly iv: string;
    /** What AES-256-GCM made of the value's JSON text, with the tag of 16 bytes at the end, base64. */
    readonly data: string;
  };
}

/**
 * Seals and opens the values of one saga. Both depend on nothing but their arguments and the keys, so that decisions stay pure: the same
 * value at the same place gives the same bytes. `place` says where the value belongs; one that was sealed for another is not opened.
 */
export interface Vault {
  /** Gives the value itself where there is no key to seal with. */
  seal(value: Json, place: string): Json;
  /** Throws {@link NotOpened}; so does sealing with a saga's own key that cannot be had. */
  open(sealed: Sealed, place: string): Json;
  /** Nothing more can be sealed or opened, ever. */
  readonly isShredded?: true;
}
/**
 * The vault of a saga. `ownKey`: the key of its own with which all that is stored of it is sealed, itself sealed; `null`: that was shredded;
 * `undefined`: it has none, and the keys of the installation serve.
 */
export type Sealing = (sagaId: string, ownKey?: string | null) => Vault;
/** The id under which a saga's own key is named in what it seals. */
export const OWN_KEY = 'own';

/**
 * `key-missing`: it can be opened once somebody brings the key. `forged`: it was altered, or moved from where it belongs. `shredded`: its key
 * is gone for good.
 */
export type WhyNotOpened = 'key-missing' | 'forged' | 'shredded';
export class NotOpened extends Error {
  override get name(): string {
    return 'NotOpened';
  }
  constructor(
    readonly why: WhyNotOpened,
    message: string,
    /** The key that is missing. */
    readonly keyId?: string,
  ) {
    super(message);
  }
}

/** What a participant answers that has no key for a request: it is asked again later, and that counts as no try. */
export const KEY_MISSING = 'payload-key-missing';

/** Without keys nothing is sealed, and nothing that is sealed can be read. */
export const NO_KEYS: Vault = {
  seal: (value) => value,
  open: ({ $sealed: { kid } }, place) => {
    throw keyMissing(kid, place);
  },
};
export function keyMissing(kid: string, place: string): NotOpened {
  return new NotOpened('key-missing', `${place} is sealed with the key '${kid}', which is not known here`, kid);
}

export const INPUT_PLACE = 'input';
export function requestPlace(step: string, phase: Phase): string {
  return `${step}.${phase}.request`;
}
/** A fence is answered with the reply of its action. */
export function replyPlace(step: string, phase: Phase): string {
  return `${step}.${phase === 'f' ? 'a' : phase}.reply`;
}

/** A copy with what is marked sealed; the value itself where nothing of it is. */
export function sealMarked(vault: Vault, value: Json, marks: readonly Mark[] | undefined, place: string): Json {
  return marks ? mapMarked(value, marks, place, (each, at) => vault.seal(each, at)) : value;
}

/**
 * A copy with what is marked and sealed opened; the value itself where nothing of it is. What is marked and not sealed stays as it is: it
 * comes from somebody without keys, or from before there were any. Throws {@link NotOpened}.
 */
export function openMarked<T>(vault: Vault, value: T, marks: readonly Mark[] | undefined, place: string): T {
  if (!marks) return value;
  return mapMarked(value as Json, marks, place, (each, at) => (isSealed(each) ? vault.open(each, at) : each)) as T;
}

export function isSealed(value: unknown): value is Sealed {
  if (!isFields(value) || Object.keys(value).length !== 1) return false;
  const { $sealed } = value;
  return isFields($sealed) && ['kid', 'iv', 'data'].every((name) => typeof $sealed[name] === 'string');
}

/** Without those that another one covers, and outer ones first: what is sealed as a whole has no parts. */
export function tidyMarks(marks: readonly Mark[]): readonly Mark[] {
  const covers = (one: Mark, other: Mark) => one.length <= other.length && one.every((part, at) => part === '*' || part === other[at]);
  const sorted = marks.toSorted((a, b) => a.length - b.length || Number(a.includes('*')) - Number(b.includes('*')));
  return sorted.filter(
    (mark, at) => !sorted.some((other, before) => other !== mark && covers(other, mark) && (before < at || !covers(mark, other))),
  );
}

type Change = (value: Json, place: string) => Json;

function mapMarked(value: Json, marks: readonly Mark[], place: string, change: Change): Json {
  return marks.reduce((result, mark) => mapAt(result, mark, 0, place, change), value);
}
function mapAt(value: Json | undefined, mark: Mark, depth: number, place: string, change: Change): Json {
  if (depth === mark.length) return change(value!, place);
  const part = mark[depth]!;
  if (typeof value !== 'object' || value === null || isSealed(value)) return value!;
  const deeper = (each: Json, name: string) => mapAt(each, mark, depth + 1, `${place}/${escaped(name)}`, change);
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    const mapped = list.map((each, at) => (part === '*' || part === String(at) ? deeper(each, String(at)) : each));
    return mapped.every((each, at) => each === list[at]) ? value : mapped;
  }
  const fields = value as { readonly [name: string]: Json | undefined };
  const changed: Record<string, Json> = {};
  for (const name of part === '*' ? Object.keys(fields) : [part]) {
    const each = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (each === undefined) continue;
    const mapped = deeper(each, name);
    if (mapped !== each) changed[name] = mapped;
  }
  return Object.keys(changed).length === 0 ? value : { ...(fields as Record<string, Json>), ...changed };
}

/** As in a JSON pointer, so that no two places are written alike. */
function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
