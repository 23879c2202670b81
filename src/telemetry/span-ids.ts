/** What the tracing SDK makes identifiers with; the shape of its `IdGenerator`. */
export interface IdSource {
  generateTraceId(): string;
  generateSpanId(): string;
}

/** What is shared by everything in a process that this package was loaded for, be it more than once. */
interface Shared {
  /** The id that the next span is to have. */
  next: string | undefined;
  /** A generator was made, so that spans can be given their ids. */
  isInstalled: boolean;
}
const KEY = Symbol.for('backstep.span-ids');
const shared = ((globalThis as { [KEY]?: Shared })[KEY] ??= { next: undefined, isInstalled: false });

/**
 * Gives spans of sagas ids that every daemon computes alike, and all other spans ids by chance. To be given to the tracing SDK of a process
 * that orchestrates, as its `idGenerator`: a saga's step is begun by one process and settled by another, so that whoever makes its span
 * has to know which id its children were told.
 */
export class SagaIdGenerator implements IdSource {
  /** `others`: makes the ids of other spans, e.g. the generator that a vendor wants. Default: by chance. */
  constructor(private readonly others: IdSource = RANDOM) {
    shared.isInstalled = true;
  }

  readonly generateTraceId = (): string => this.others.generateTraceId();

  readonly generateSpanId = (): string => {
    const { next } = shared;
    if (next === undefined) return this.others.generateSpanId();
    shared.next = undefined;
    return next;
  };
}

/** Whether spans can be given ids of our own: a generator was made, and has not been found to be unused. */
export function canChooseIds(): boolean {
  return shared.isInstalled;
}

/** Makes a span whose id, if it can be chosen, is the one given. False as `isChosen`: it has another one. */
export function withSpanId<S extends { spanContext(): { readonly spanId: string } }>(
  spanId: string | undefined,
  make: () => S,
): { readonly span: S; readonly isChosen: boolean } {
  if (spanId === undefined || !shared.isInstalled) return { span: make(), isChosen: spanId === undefined };
  shared.next = spanId;
  try {
    const span = make();
    const isChosen = span.spanContext().spanId === spanId;
    if (!isChosen) shared.isInstalled = false;
    return { span, isChosen };
  } finally {
    shared.next = undefined;
  }
}

/**
 * The span id of something that a text names, the same in every process: 64 bits, well mixed (two multiplicative hashes that feed each other).
 * It has to be unique within a trace only.
 */
export function spanIdOf(text: string): string {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  const id = word(high) + word(low);
  return id === INVALID ? '0000000000000001' : id;
}
const INVALID = '0'.repeat(16);

const RANDOM: IdSource = {
  generateTraceId: () => randomWord() + randomWord() + randomWord() + randomWord(),
  generateSpanId: () => randomWord() + randomWord(),
};

/** Never zero, so that no id is. */
function randomWord(): string {
  return word(Math.floor(Math.random() * 0xffff_ffff) + 1);
}
/** Eight digits. Ids are made for every span, and a table is several times as fast as padding. */
function word(bits: number): string {
  return BYTES[bits >>> 24]! + BYTES[(bits >>> 16) & 0xff]! + BYTES[(bits >>> 8) & 0xff]! + BYTES[bits & 0xff]!;
}
const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
