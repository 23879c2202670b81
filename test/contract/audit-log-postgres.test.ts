import { describe, expect, it } from '@jest/globals';
import { ChainCheck } from '../../src/core/audit.js';
import { PostgresAuditLog } from '../../src/postgres/audit-log.js';
import { connect } from '../../src/postgres/connect.js';
import { migrate } from '../../src/postgres/migrate.js';
import { closeAtEnd } from '../support/closing.js';
import { freshDatabase } from '../support/servers.js';
import { describeAuditLog, factsFor, sha256 } from './audit-log.contract.js';

async function opened(url: string) {
  const dataSource = await connect({ url });
  closeAtEnd(() => dataSource.destroy());
  return dataSource;
}

describeAuditLog('PostgreSQL', async () => {
  const { url } = await freshDatabase();
  const [one, other] = [await opened(url), await opened(url)];
  await migrate(one);
  return [new PostgresAuditLog(one), new PostgresAuditLog(other)];
});

describe('the audit in PostgreSQL', () => {
  async function written() {
    const { url } = await freshDatabase();
    const dataSource = await opened(url);
    await migrate(dataSource);
    const log = new PostgresAuditLog(dataSource);
    for (let n = 1; n <= 4; n++) await log.append(factsFor(`t${n}`));
    /** As somebody does who may everything in the database. */
    const tamper = async (sql: string) => {
      await dataSource.query('alter table backstep.audit disable trigger audit_is_append_only');
      await dataSource.query(sql);
    };
    const fault = async () => {
      const check = new ChainCheck(sha256);
      const { rows, head } = await log.read({ after: 0, limit: 100 });
      for (const row of rows) {
        const found = check.add(row);
        if (found) return found.why;
      }
      return check.end(head)?.why;
    };
    return { dataSource, tamper, fault };
  }

  it('[J14] takes no change of a row from anybody who does not remove the trigger first', async () => {
    const { dataSource } = await written();
    for (const sql of [`update backstep.audit set content = '{}'`, 'delete from backstep.audit', 'truncate backstep.audit'])
      await expect(dataSource.query(sql)).rejects.toThrow('rows of the audit are only added');
  });

  it.each([
    ['nothing', 'select 1', undefined],
    ['a name', `update backstep.audit set content = replace(content, '"ada"', '"bob"') where seq = 2`, 'row 2 was changed'],
    ['a hash', `update backstep.audit set hash = repeat('a', 64) where seq = 3`, 'row 3 was changed'],
    [
      'a row and its hash',
      `update backstep.audit set content = '{"seq":2}', hash = encode(sha256(convert_to(previous || e'\\n{"seq":2}', 'UTF8')), 'hex') where seq = 2`,
      'row 3 does not follow row 2',
    ],
    ['a row in the middle that is gone', 'delete from backstep.audit where seq = 2', 'row 2 is missing: the next one is 3'],
    ['the first that is gone', 'delete from backstep.audit where seq = 1', 'row 1 is missing: the next one is 2'],
    ['the last that is gone', 'delete from backstep.audit where seq = 4', 'row 4 is missing: the chain ends at 4'],
    ['all that are gone', 'delete from backstep.audit', 'row 1 is missing: the chain ends at 4'],
    [
      'two that changed places',
      'update backstep.audit set seq = case seq when 2 then 12 when 3 then 2 else seq end; update backstep.audit set seq = 3 where seq = 12',
      'row 2 does not follow row 1',
    ],
  ])('[J14] shows %s', async (_, sql, why) => {
    const { tamper, fault } = await written();
    await tamper(sql);
    if (why === undefined) expect(await fault()).toBeUndefined();
    else expect(await fault()).toContain(why);
  });
});
