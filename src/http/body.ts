import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
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

const limited = limitedTo(BODY_LIMIT);
const limitedMany = limitedTo(MANY_LIMIT.bytes);

/** Refuses bodies that are too large, of another media type or not JSON that can be kept, before anything reads them. */
export const readBodies: MiddlewareHandler = async (c, next) => {
  if (c.req.method !== 'POST') return next();
  const isMany = c.req.path === '/api/v1/sagas/many';
  const type = c.req.header('content-type') ?? '';
  if (!(isMany ? NDJSON_TYPE : JSON_TYPE).test(type)) {
    throw new RequestRefused(415, `the body must be ${isMany ? 'application/x-ndjson' : 'application/json'}`);
  }
  return (isMany ? limitedMany : limited)(c, async () => {
    const text = decode(await c.req.arrayBuffer());
    if (!isMany) refuseUnkeepable(text);
    await next();
  });
};

function limitedTo(maxSize: number): MiddlewareHandler {
  const onError = () => {
    throw new RequestRefused(413, `the body must have at most ${maxSize} bytes`);
  };
  return bodyLimit({ maxSize, onError });
}

function decode(bytes: ArrayBuffer): string {
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
