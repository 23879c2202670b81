import type { HonoRequest, MiddlewareHandler } from 'hono';
import { LIMITS, parseJson } from '../core/json.js';
import { RequestRefused } from './problem.js';

/** Bytes of one request's body. */
export const BODY_LIMIT = 1_048_576;
/** Bytes and lines of one request that starts many. */
export const MANY_LIMIT = { bytes: 16_777_216, lines: 1_000 } as const;

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;
const NDJSON_TYPE = /^application\/(?:x-ndjson|jsonl)\s*(?:;|$)/i;
/** The body's own two levels (the object and its fields) come on top of what a payload may have. */
const BODY_LIMITS = { ...LIMITS, payloadBytes: BODY_LIMIT, depth: LIMITS.depth + 2 };

/** Refuses bodies that are too large, of another media type or not JSON that can be kept, before anything reads them. */
export const readBodies: MiddlewareHandler = async (c, next) => {
  if (c.req.method !== 'POST') return next();
  const isMany = c.req.path === '/api/v1/sagas/many';
  const type = c.req.header('content-type') ?? '';
  if (!(isMany ? NDJSON_TYPE : JSON_TYPE).test(type)) {
    throw new RequestRefused(415, `the body must be ${isMany ? 'application/x-ndjson' : 'application/json'}`);
  }
  const text = decode(await read(c.req, isMany ? MANY_LIMIT.bytes : BODY_LIMIT));
  // Whoever asks for it afterwards gets it from here; else by way of a response and a stream made for it, or, of a chunked one, not at all.
  c.req.bodyCache.text = Promise.resolve(text) as unknown as string;
  if (!isMany) refuseUnkeepable(text);
  return next();
};

/** A client that goes away in the middle of its body is no fault of the server's. */
async function read(request: HonoRequest, most: number): Promise<ArrayBuffer | Uint8Array> {
  try {
    return await bytesOf(request, most);
  } catch (error: unknown) {
    throw error instanceof RequestRefused ? error : new RequestRefused(400, 'the body did not come to its end');
  }
}

/** The body, of which no more is read than is taken. */
async function bytesOf(request: HonoRequest, most: number): Promise<ArrayBuffer | Uint8Array> {
  const told = request.header('content-length');
  if (told !== undefined && request.header('transfer-encoding') === undefined) {
    // The server itself sees to it that the body is no longer than it says.
    if (Number(told) > most) throw tooLong(most);
    return request.arrayBuffer();
  }
  // Hono's own limit makes a new request of the stream, which a request of the Node server cannot be made into: every chunked body failed.
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (request.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength;
    if (length > most) throw tooLong(most);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function tooLong(most: number): RequestRefused {
  return new RequestRefused(413, `the body must have at most ${most} bytes`);
}

function decode(bytes: ArrayBuffer | Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new RequestRefused(400, 'the body is not UTF-8');
  }
}

function refuseUnkeepable(text: string): void {
  const checked = parseJson(text, 'the body', BODY_LIMITS);
  if (!checked.ok) throw new RequestRefused(isJson(text) ? 422 : 400, 'the body cannot be used:', checked.faults);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
