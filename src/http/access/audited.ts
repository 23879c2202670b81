import { randomUUID } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import type { AuditFacts } from '../../core/audit.js';
import { shorten } from '../../core/codec-text.js';
import { messageOf, SagaError } from '../../core/errors.js';
import type { AuditLog } from '../../ports/audit-log.js';
import type { Logger } from '../../ports/logger.js';
import type { HttpEnv } from '../context.js';

/** Who is named in histories and in the audit: the caller where it is known, else whom the caller names. */
export function deciderOf(c: Context<HttpEnv>, named: string): string {
  const { auth, name } = c.get('principal');
  return auth === 'off' ? named : name;
}

/**
 * Records what a person decides: that it was asked, before anything is done (where that cannot be recorded, nothing is done), and then what
 * became of it.
 */
export function audited(audit: AuditLog, logger: Logger): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const verb = c.get('admitted').access.audited;
    const body = verb === undefined ? undefined : await bodyOf(c);
    // A dry run decides nothing.
    if (verb === undefined || body?.['dryRun'] === true) return next();
    const asked = factsOf(c, verb, body ?? {});
    c.header('x-request-id', asked.requestId);
    await audit.append(asked);
    await next();
    try {
      await audit.append({ ...asked, ...outcomeOf(c) });
    } catch (error: unknown) {
      const { requestId, target, who } = asked;
      logger.error(
        { requestId, verb, target, who, error: messageOf(error) },
        'what became of a decision could not be written to the audit',
      );
    }
  };
}

async function bodyOf(c: Context): Promise<Readonly<Record<string, unknown>> | undefined> {
  const body: unknown = await c.req.json();
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : undefined;
}

const REASON_LENGTH = 2_000;
const NAME_LENGTH = 200;
/** Of the JSON text of what was asked for. */
const DETAILS_LENGTH = 8_000;
/** They are in the history and may hold what is nobody's business here; that they were given is noted. */
const PAYLOADS = ['request', 'reply', 'input'];

function factsOf(c: Context<HttpEnv>, verb: string, body: Readonly<Record<string, unknown>>): AuditFacts {
  const { by, reason, ...rest } = body;
  const { auth, role, tokenId } = c.get('principal');
  const said = typeof by === 'string' && by !== '' ? shorten(by, NAME_LENGTH) : 'api';
  return {
    requestId: randomUUID(),
    stage: 'asked',
    verb,
    target: targetOf(c),
    who: deciderOf(c, said),
    role,
    auth,
    tokenId,
    reason: typeof reason === 'string' ? shorten(reason, REASON_LENGTH) : null,
    details: detailsOf(rest),
    before: null,
    after: null,
    code: null,
  };
}

function detailsOf(rest: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const told = Object.entries(rest).map(([name, value]) => [name, PAYLOADS.includes(name) ? 'given' : value] as const);
  const details = Object.fromEntries(told);
  const { length } = JSON.stringify(details);
  return length > DETAILS_LENGTH ? { tooLong: length } : details;
}

const SAGA = /^\/api\/v1\/sagas\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\//i;
const PATH_LENGTH = 300;

function targetOf(c: Context): string {
  const saga = SAGA.exec(c.req.path);
  if (saga) return `saga:${saga[1]!.toLowerCase()}`;
  return shorten(c.req.path.replace(/[\p{Cc}\p{Surrogate}]/gu, '?'), PATH_LENGTH);
}

function outcomeOf(c: Context<HttpEnv>): Pick<AuditFacts, 'stage' | 'before' | 'after' | 'code'> {
  const { status } = c.res;
  const code = c.error instanceof SagaError ? c.error.code : status >= 400 ? 'SAGA_INTERNAL' : null;
  const decision = c.get('decision');
  const stage = status >= 500 ? 'failed' : status >= 400 ? 'refused' : decision?.decided === false ? 'noted' : 'done';
  return { stage, before: decision?.before ?? null, after: decision?.after ?? null, code };
}
