import { z } from '@hono/zod-openapi';
import { ROLES } from '../access/principal.js';
import { LARGEST_PAGE, SagaParams } from './schemas.js';

export const MeSchema = z
  .object({
    /** `off`: nobody is asked who they are. */
    auth: z.enum(['off', 'token', 'oidc']),
    name: z.string(),
    role: z.enum(ROLES),
    /** The only definitions that the token reaches; absent: all of them. */
    definitions: z.array(z.string()).optional(),
  })
  .openapi('Me');
export type MeView = z.infer<typeof MeSchema>;

const seq = z.coerce.number('must be a whole number').int().min(0).max(Number.MAX_SAFE_INTEGER);
export const AuditQuery = z.object({
  /** Upwards from the row after this one; without it the newest first. */
  after: seq.optional(),
  /** Below this row: the `next` of the page before. */
  before: seq.optional(),
  saga: SagaParams.shape.id.optional(),
  limit: z.coerce.number('must be a whole number').int().min(1).max(LARGEST_PAGE).default(100),
});
const stateSchema = z.object({ status: z.string(), seq: z.number() }).nullable();
export const AuditEntrySchema = z
  .object({
    seq: z.number(),
    at: z.iso.datetime(),
    requestId: z.string(),
    /** `asked` before anything is done; then what became of it. */
    stage: z.enum(['asked', 'done', 'noted', 'refused', 'failed']),
    verb: z.string(),
    target: z.string(),
    who: z.string(),
    role: z.string(),
    auth: z.string(),
    tokenId: z.string().nullable(),
    reason: z.string().nullable(),
    details: z.record(z.string(), z.unknown()),
    before: stateSchema,
    after: stateSchema,
    code: z.string().nullable(),
  })
  .openapi('AuditEntry');
const AuditRowSchema = z
  .object({
    seq: z.number(),
    previous: z.string(),
    /** SHA-256 of `previous`, a line end and `content`. */
    hash: z.string(),
    content: z.string(),
    /** The content, read; null where it cannot be. */
    entry: AuditEntrySchema.nullable(),
  })
  .openapi('AuditRow');
export const AuditSchema = z
  .object({
    rows: z.array(AuditRowSchema),
    /** The end of the chain. */
    head: z.object({ seq: z.number(), hash: z.string() }),
    next: z.number().optional(),
  })
  .openapi('Audit');
export type AuditView = z.infer<typeof AuditSchema>;
export type AuditRowView = z.infer<typeof AuditRowSchema>;
