import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../../support/eventually.js';
import { Installation } from '../../support/engine-servers.js';
import { planFrom } from '../../support/plans.js';
import { closeAtEnd } from '../../support/closing.js';

const plan = planFrom({ steps: [{ name: 'one' }] });
let roles = 0;

async function administrator(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  closeAtEnd(() => client.end());
  return client;
}

/** A role that may do everything with the tables, but owns none of them. */
async function weakRole(admin: pg.Client, url: string): Promise<{ readonly role: string; readonly url: string }> {
  const role = `weak_${process.pid}_${(roles += 1)}`;
  await admin.query(`create role ${role} login password 'weak'`);
  closeAtEnd(async () => {
    await admin.query(`drop owned by ${role}; drop role ${role}`);
  });
  await admin.query(`grant usage on schema backstep to ${role}; grant all on all tables in schema backstep to ${role}`);
  const as = new URL(url);
  as.username = role;
  as.password = 'weak';
  return { role, url: as.href };
}

describe('what an engine says is missing', () => {
  it('names the table that it has no permission for, until it has', async () => {
    const installation = await Installation.open();
    const admin = await administrator(installation.databaseUrl);
    const { role, url } = await weakRole(admin, installation.databaseUrl);
    const { engine } = await installation.engine([plan], { databaseUrl: url, settings: { maintainMs: 3_600_000 } });
    const says = async (pattern: RegExp) => (await engine.problems()).some((problem) => pattern.test(problem));
    await admin.query(`revoke all on backstep.incoming_start from ${role}`);
    await eventually(() => says(/permission denied for table incoming_start/), { withinMs: 15_000, what: 'it says so' });
    await admin.query(`grant all on backstep.incoming_start to ${role}`);
    await eventually(async () => !(await says(/incoming_start/)), { withinMs: 15_000, what: 'it is well again' });
  }, 60_000);

  it('names a schema that is not of this version', async () => {
    const installation = await Installation.open();
    const admin = await administrator(installation.databaseUrl);
    const { engine } = await installation.engine([plan]);
    const { rows } = await admin.query<{ name: string }>('select name from backstep.migration order by id desc limit 1');
    await admin.query('delete from backstep.migration where name = $1', [rows[0]!.name]);
    const problems = await engine.problems();
    expect(problems.join('\n')).toMatch(/backstep migrate/);
  }, 60_000);
});
