import { beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { ChainCheck, NO_HASH, type AuditFacts } from '../../src/core/audit.js';
import type { AuditLog } from '../../src/ports/audit-log.js';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const factsFor = (target: string, more: Partial<AuditFacts> = {}): AuditFacts => ({
  requestId: target,
  stage: 'done',
  verb: 'cancel',
  target,
  who: 'ada',
  role: 'operate',
  auth: 'token',
  tokenId: 'abc',
  reason: 'ça "va" \u0000 \ud800 \n',
  details: { step: 'pay' },
  before: { status: 'running', seq: 3 },
  after: null,
  code: null,
  ...more,
});

/** What every audit must do. `open` gives an empty one, as two writers see it. */
export function describeAuditLog(name: string, open: () => Promise<readonly [AuditLog, AuditLog]>): void {
  describe(`AuditLog: ${name}`, () => {
    let one: AuditLog;
    let other: AuditLog;
    beforeAll(async () => {
      [one, other] = await open();
    }, 60_000);

    it('begins empty', async () => expect(await one.read({ limit: 10 })).toEqual({ rows: [], head: { seq: 0, hash: NO_HASH } }));

    it('keeps one chain whoever adds to it, at the same time too', async () => {
      await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : other).append(factsFor(`t${n % 3}`))));
      const { rows, head } = await other.read({ after: 0, limit: 100 });
      const check = new ChainCheck(sha256);
      expect(rows.map((row) => check.add(row))).toEqual(rows.map(() => undefined));
      expect([rows.length, check.end(head), head]).toEqual([20, undefined, { seq: 20, hash: rows.at(-1)!.hash }]);
    });

    it('gives back what was added, with the number and instant', async () => {
      const before = Date.now();
      const row = await one.append(factsFor('t9'));
      const [found] = (await one.read({ limit: 1 })).rows;
      expect(found).toEqual(row);
      const { at, ...facts } = JSON.parse(row.content) as { at: number };
      expect(facts).toEqual({ seq: 21, ...factsFor('t9') });
      expect(Math.abs(at - before)).toBeLessThan(60_000);
    });

    it('gives pages, newest first or upwards, and of one target', async () => {
      const seqs = async (query: Parameters<AuditLog['read']>[0]) => (await one.read(query)).rows.map(({ seq }) => seq);
      expect(await seqs({ limit: 2 })).toEqual([21, 20]);
      expect(await seqs({ limit: 2, before: 20 })).toEqual([19, 18]);
      expect(await seqs({ limit: 2, after: 3 })).toEqual([4, 5]);
      expect(await seqs({ limit: 5, target: 't9' })).toEqual([21]);
      expect(await seqs({ limit: 5, after: 30 })).toEqual([]);
      expect((await one.read({ limit: 5, after: 30 })).head.seq).toBe(21);
    });
  });
}
