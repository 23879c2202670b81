import { expect } from '@jest/globals';
import pg from 'pg';
import { closeAtEnd } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import { uniqueNamespace } from '../support/servers.js';
import { backstep, Command, daemon, type Variables } from './command.js';
import { plainEnvironment, Program } from './demo-command.js';

const SAGAS = ['--sagas', 'dist/sagas/place-order'];

/** An installation of place-order on servers of the test's choice: as many daemons and participant processes as it wants. */
export class Shop {
  private constructor(
    readonly at: Variables,
    private readonly databaseUrl: string,
  ) {}

  static async open(servers: { readonly database: string; readonly broker: string; readonly participants?: string }): Promise<Shop> {
    const at = {
      BACKSTEP_POSTGRES_URL: servers.database,
      BACKSTEP_RABBITMQ_URL: servers.broker,
      BACKSTEP_NAMESPACE: uniqueNamespace('shop').slice(0, 41),
      ...(servers.participants === undefined ? {} : { BACKSTEP_PARTICIPANTS_POSTGRES_URL: servers.participants }),
    };
    expect((await backstep(['migrate'], at)).code).toBe(0);
    return new Shop(at, servers.database);
  }

  /** `odd` adds to the environment of this process alone. */
  daemon(odd: Variables = {}): ReturnType<typeof daemon> {
    return daemon({ ...this.at, ...odd }, SAGAS);
  }

  /** Hosts these participants in a process of their own. */
  async host(only: string, odd: Variables = {}): Promise<Command> {
    const command = new Command(['participants', ...SAGAS, '--only', only], { ...this.at, ...odd });
    await command.says(/participants are up/);
    return command;
  }

  /** Places so many orders of all kinds, and waits until all are started. */
  async place(count: number, url: string, first = 1): Promise<void> {
    const { stdout: lines } = await new Program(
      process.execPath,
      ['dist/sagas/place-order/make-orders.js', String(count), String(first)],
      plainEnvironment(),
    ).ended;
    const { stdout, stderr, code } = await backstep(['start', 'place-order', '--many', '-'], { BACKSTEP_URL: url }, lines);
    expect([code, stdout, stderr.replaceAll(/^\d+ started\n/gm, '')]).toEqual([0, `created\t${count}\nexisting\t0\nfailed\t0\n`, '']);
  }

  /** Waits until so many orders have ended. */
  async untilEnded(count: number, withinMs: number): Promise<void> {
    const client = new pg.Client({ connectionString: this.databaseUrl });
    client.on('error', () => {});
    closeAtEnd(() => client.end());
    await client.connect();
    const namespace = this.at['BACKSTEP_NAMESPACE']!;
    const ended = `select (select count(*) from ${namespace}.saga where ended_at is not null) + (select count(*) from ${namespace}.finished_saga) as n`;
    const isDone = async () => Number((await client.query<{ n: string }>(ended)).rows[0]!.n) >= count;
    await eventually(isDone, { withinMs, everyMs: 100, what: `${count} orders have ended` });
    await client.end();
  }

  /** Every order ends, none is stuck, and the ledgers of the participants say what the sagas say. */
  async prove(count: number, url: string, withinMs: number): Promise<void> {
    await this.untilEnded(count, withinMs);
    expect(await backstep(['list', '--status', 'stuck'], { BACKSTEP_URL: url })).toEqual({ code: 0, stdout: '', stderr: '' });
    const proof = new Program(process.execPath, ['dist/src/main/demo.js', '--prove', '--json'], plainEnvironment(this.at));
    const { code, stdout } = await proof.ended;
    expect(stdout).toContain(`${count.toLocaleString('en')} orders checked, 0 violations`);
    expect(JSON.parse(stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({ sagas: count, stuck: 0, violations: 0 });
    expect(code).toBe(0);
  }
}
