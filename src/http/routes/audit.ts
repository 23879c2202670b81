import { createRoute } from '@hono/zod-openapi';
import { readContent, type AuditRow } from '../../core/audit.js';
import type { AuditLog } from '../../ports/audit-log.js';
import type { HttpApp } from '../context.js';
import { AuditEntrySchema, AuditQuery, AuditSchema, type AuditRowView } from '../schemas-audit.js';
import { iso } from '../time.js';
import { answer, refusals } from './answers.js';

const list = createRoute({
  method: 'get',
  path: '/api/v1/audit',
  summary: 'What people did, each row chained to the one before',
  request: { query: AuditQuery },
  responses: { 200: answer(AuditSchema, 'A page; `next` is the `after` or `before` of the next one'), ...refusals },
});

/** Reading the audit. */
export function addAuditRoute(app: HttpApp, audit: AuditLog): void {
  app.openapi(list, async (c) => {
    const { after, before, saga, limit } = c.req.valid('query');
    const { rows, head } = await audit.read({
      limit,
      ...(after === undefined ? {} : { after }),
      ...(before === undefined ? {} : { before }),
      ...(saga === undefined ? {} : { target: `saga:${saga}` }),
    });
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return c.json({ rows: rows.map(rowView), head: { ...head }, ...(last ? { next: last.seq } : {}) }, 200);
  });
}

function rowView({ seq: number, previous, hash, content }: AuditRow): AuditRowView {
  const { at, ...facts } = readContent({ content }) ?? {};
  const read = AuditEntrySchema.safeParse({ ...facts, at: typeof at === 'number' && Math.abs(at) < 8.64e15 ? iso(at) : undefined });
  return { seq: number, previous, hash, content, entry: read.success ? read.data : null };
}
