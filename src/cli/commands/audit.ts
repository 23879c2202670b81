import { createHash } from 'node:crypto';
import { ChainCheck } from '../../core/audit.js';
import type { ApiClient } from '../../http/api-client.js';
import type { AuditRowView, AuditView } from '../../http/schemas-audit.js';
import { EXIT } from '../exit-codes.js';
import { printable } from '../printable.js';
import { printTable, tabbed } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';

export interface AuditListOptions extends CommonOptions {
  readonly saga?: string;
  readonly limit: number;
}
export interface AuditVerifyOptions extends CommonOptions {
  readonly head?: string;
}

const PAGE = 500;

/** `backstep audit list`: what people did, newest first. */
export async function auditList(context: CliContext, { url, saga, limit, json }: AuditListOptions): Promise<number> {
  const { terminal } = context;
  const api = context.connect(url);
  const rows: AuditRowView[] = [];
  for (let before: number | undefined; rows.length < limit;) {
    const page: AuditView = await api.audit({ before, saga, limit: Math.min(PAGE, limit - rows.length) });
    rows.push(...page.rows);
    before = page.next;
    if (before === undefined) break;
  }
  if (json)
    terminal.out(
      `${JSON.stringify(
        rows.map(({ entry, ...row }) => entry ?? row),
        null,
        2,
      )}\n`,
    );
  else
    await printTable(
      terminal,
      HEAD,
      rows.map((row) => cells(row).map((text) => ({ text }))),
    );
  return EXIT.ok;
}

const HEAD = ['#', 'when', 'who', 'role', 'did', 'to', 'stage', 'before', 'after', 'reason'];

function cells({ seq, entry }: AuditRowView): string[] {
  if (!entry) return [String(seq), 'this row cannot be read; backstep audit verify says what is wrong with it'];
  const { at, who, role, auth, verb, target, stage, before, after, reason, code } = entry;
  const state = (one: typeof before) => (one ? `${one.status} (${one.seq})` : '');
  return [
    String(seq),
    at,
    auth === 'off' ? `${who} (not checked)` : who,
    role,
    verb,
    target,
    code ? `${stage}: ${code}` : stage,
    state(before),
    state(after),
    reason ?? '',
  ];
}

/**
 * `backstep audit verify`: computes the chain anew from its first row, here and not at the server. `--head N:HASH`, kept from an earlier time,
 * also notices a chain that was written anew as a whole.
 */
export async function auditVerify(context: CliContext, { url, head: known, json }: AuditVerifyOptions): Promise<number> {
  const { terminal } = context;
  const { check, fault, missesKnown } = await follow(context.connect(url), known);
  const why = fault?.why ?? (missesKnown ? `the chain does not have ${known}: it was written anew, or is another one` : undefined);
  const { seq, hash } = check.head;
  if (json) {
    const report = {
      ok: why === undefined,
      rows: seq,
      head: `${seq}:${hash}`,
      unanswered: check.unanswered,
      ...(why === undefined ? {} : { fault: { seq: fault?.seq ?? null, why } }),
    };
    terminal.out(`${JSON.stringify(report, null, 2)}\n`);
  } else if (why === undefined) {
    terminal.out(terminal.isTty ? `the chain fits: ${seq} rows, head ${seq}:${hash}\n` : tabbed(['ok', String(seq), `${seq}:${hash}`]));
    if (check.unanswered.length > 0)
      terminal.err(`without an outcome, because it is under way or its daemon died: row ${check.unanswered.join(', ')}\n`);
  } else {
    terminal.out(terminal.isTty ? `the chain does not fit: ${printable(why)}\n` : tabbed(['broken', String(fault?.seq ?? ''), why]));
  }
  return why === undefined ? EXIT.ok : EXIT.failed;
}

async function follow(api: ApiClient, known: string | undefined) {
  const check = new ChainCheck((text) => createHash('sha256').update(text).digest('hex'));
  let isKnown = known === undefined || known === `0:${check.head.hash}`;
  for (let after = 0; ;) {
    const page: AuditView = await api.audit({ after, limit: PAGE });
    for (const row of page.rows) {
      const fault = check.add(row);
      if (fault) return { check, fault, missesKnown: false };
      if (known === `${row.seq}:${row.hash}`) isKnown = true;
    }
    if (page.next === undefined) return { check, fault: check.end(page.head), missesKnown: !isKnown };
    after = page.next;
  }
}
