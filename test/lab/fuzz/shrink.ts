/** Smaller variants of a case, the boldest first. Generic: a case is plain data, and says less when it is smaller. */
export function* smaller(value: unknown): Generator<unknown> {
  if (typeof value === 'string') {
    for (const text of halves(value.length)) yield value.slice(...text);
    if (value.length > 0 && value.length <= 40) for (let at = 0; at < value.length; at++) yield value.slice(0, at) + value.slice(at + 1);
  } else if (value instanceof Uint8Array) {
    for (const part of halves(value.length)) yield value.slice(...part);
    for (const [from, to] of chunks(value.length)) yield Buffer.concat([value.subarray(0, from), value.subarray(to)]);
  } else if (Array.isArray(value)) {
    for (const part of halves(value.length)) yield value.slice(...part);
    const list = value as readonly unknown[];
    if (list.length <= 64) for (let at = 0; at < list.length; at++) yield list.toSpliced(at, 1);
    for (let at = 0; at < Math.min(list.length, 64); at++) for (const inner of smaller(list[at])) yield list.with(at, inner);
  } else if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value);
    if (fields.length > 12) for (const part of halves(fields.length)) yield Object.fromEntries(fields.slice(...part));
    if (fields.length <= 64) for (let at = 0; at < fields.length; at++) yield Object.fromEntries(fields.toSpliced(at, 1));
    for (let at = 0; at < Math.min(fields.length, 64); at++)
      for (const inner of smaller(fields[at]![1])) yield Object.fromEntries(fields.with(at, [fields[at]![0], inner]));
  } else if (typeof value === 'number' && value !== 0) {
    yield 0;
    if (Number.isInteger(value) && Math.abs(value) > 1) yield Math.trunc(value / 2);
  } else if (value === true) yield false;
}

function* halves(length: number): Generator<[number, number]> {
  if (length === 0) return;
  yield [0, 0];
  if (length === 1) return;
  yield [0, length >> 1];
  yield [length >> 1, length];
}

/** Pieces to leave out: an eighth each, then single bytes of what is short. */
function* chunks(length: number): Generator<[number, number]> {
  for (let size = length >> 2; size >= 1; size >>= 1) {
    if (length / size > 80) return;
    for (let from = 0; from < length; from += size) yield [from, Math.min(length, from + size)];
  }
}

/**
 * The smallest case found that still `fails`, within so many tries and so much time (milliseconds). Greedy: it goes on from the first
 * smaller one that fails.
 */
export async function shrunk<C>(first: C, fails: (candidate: C) => Promise<boolean>, { tries = 1_500, forMs = 20_000 } = {}): Promise<C> {
  let best = first;
  const until = performance.now() + forMs;
  for (let left = tries, again = true; again;) {
    again = false;
    for (const candidate of smaller(best)) {
      if (left-- <= 0 || performance.now() > until) return best;
      if (!(await fails(candidate as C))) continue;
      best = candidate as C;
      again = true;
      break;
    }
  }
  return best;
}

/** A case for people: texts and bytes that are long are told by their beginning and length. */
export function shown(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner: unknown) => {
      if (typeof inner === 'string') return shownText(inner);
      if (typeof inner === 'number' && !Number.isFinite(inner)) return String(inner);
      if (typeof inner === 'bigint') return `${inner}n`;
      const bytes = bytesIn(inner);
      return bytes ? shownBytes(bytes) : inner;
    },
    2,
  );
}

function shownText(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 80)}… (${text.length} characters)`;
}

function shownBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8');
  const isText = Buffer.from(text).equals(bytes);
  return isText ? `text: ${shownText(text)}` : `base64: ${shownText(Buffer.from(bytes).toString('base64'))}`;
}

function bytesIn(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  const { type, data } = (value ?? {}) as { readonly type?: unknown; readonly data?: unknown };
  return type === 'Buffer' && Array.isArray(data) ? Uint8Array.from(data as number[]) : undefined;
}
