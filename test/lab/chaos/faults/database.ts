import pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.js';
import type { Scene } from '../scene.js';

/** Everything that can befall PostgreSQL while it stays one server. Nobody goes through a proxy here: these are an administrator's doings. */
export const DATABASE_FAULTS: readonly Fault[] = [
  server(
    'kill-database',
    ['E2'],
    [0.2, 2.5],
    ({ database }) => database.kill(),
    ({ database }) => database.start(),
  ),
  server(
    'restart-database',
    ['E1', 'E3'],
    [0.2, 2.5],
    ({ database }) => database.stop(),
    ({ database }) => database.start(),
  ),
  server(
    'pause-database',
    ['E6', 'E3'],
    [2, 8],
    ({ database }) => database.pause(),
    ({ database }) => database.resume(),
  ),
  {
    kind: 'terminate-backends',
    rows: ['E1', 'B20'],
    seconds: [2, 5],
    aim(scene, chance) {
      const whose = chance.pick(['daemons', 'participants'] as const);
      let terminated = 0;
      let rounds = Promise.resolve();
      const names = whose === 'daemons' ? [scene.namespace] : scene.schemas;
      return {
        touches: ['database-sessions'],
        detail: { whose },
        begin: async () => {
          rounds = withSession(scene, async (session) => {
            for (let round = 0; round < 3; round++) {
              const { rowCount } = await session.query(
                'select pg_terminate_backend(pid) from pg_stat_activity where application_name = any($1)',
                [names],
              );
              terminated += rowCount ?? 0;
              await delay(400);
            }
          });
        },
        end: async () => {
          await rounds;
          return { terminated };
        },
      };
    },
  },
  {
    kind: 'exhaust-connections',
    rows: ['E8'],
    seconds: [3, 6],
    aim(scene) {
      const held: pg.Client[] = [];
      return {
        touches: ['database-sessions'],
        begin: async () => {
          // Whoever has a connection keeps it, so they are taken away first.
          await withSession(scene, (session) =>
            session.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = any($1)', [
              [scene.namespace, ...scene.schemas],
            ]),
          );
          for (let refusal = ''; !refusal && held.length < 300;) {
            const client = clientFor(scene);
            try {
              await client.connect();
              held.push(client);
            } catch (error: unknown) {
              refusal = (error as { code?: string }).code ?? String(error);
              await client.end().catch(() => {});
            }
          }
          return { held: held.length };
        },
        end: async () => void (await Promise.all(held.splice(0).map((client) => client.end().catch(() => {})))),
      };
    },
  },
  held('lock-sagas', ['E18', 'E7'], [2, 6], async (session, { namespace }) => {
    await session.query(`lock table "${namespace}".saga in access exclusive mode`);
  }),
  held('lock-inboxes', ['E18', 'B14'], [2, 5], async (session, { schemas }) => {
    for (const schema of schemas) await session.query(`lock table "${schema}".backstep_inbox in access exclusive mode`);
  }),
  held('lock-rows', ['E7', 'G1'], [2, 6], async (session, { namespace }) => {
    await session.query(`select id from "${namespace}".saga where ended_at is null order by random() limit 50 for update skip locked`);
  }),
  held('idle-in-transaction', ['E16', 'E15'], [5, 12], async (session, { namespace }) => {
    await session.query(`set transaction isolation level repeatable read`);
    await session.query(`select count(*) from "${namespace}".saga`);
  }),
  {
    kind: 'provoke-deadlocks',
    rows: ['E7'],
    seconds: [3, 6],
    aim(scene) {
      let isOver = false;
      const found = { rounds: 0, ours: 0 };
      let provoking = Promise.resolve();
      return {
        touches: ['database-sessions'],
        begin: async () => {
          provoking = provoke(scene, () => isOver, found);
        },
        end: async () => {
          isOver = true;
          await provoking;
          return found;
        },
      };
    },
  },
];

/** Locks sagas in flight from the last to the first, one by one, while daemons lock them from the first to the last. */
async function provoke(scene: Scene, isOver: () => boolean, found: { rounds: number; ours: number }): Promise<void> {
  await withSession(scene, async (session) => {
    for (; !isOver(); found.rounds++) {
      try {
        await session.query('begin');
        const { rows } = await session.query<{ id: string }>(
          `select id from "${scene.namespace}".saga where ended_at is null order by id desc limit 40`,
        );
        for (const { id } of rows) {
          if (isOver()) break;
          await session.query(`select 1 from "${scene.namespace}".saga where id = $1 for update`, [id]);
          await delay(10);
        }
        await session.query('rollback');
      } catch (error: unknown) {
        if ((error as { code?: string }).code !== '40P01') throw error;
        found.ours++;
        await session.query('rollback');
      }
      await delay(20);
    }
  });
}

function server(
  kind: string,
  rows: readonly string[],
  seconds: Fault['seconds'],
  begin: (scene: Scene) => Promise<void>,
  end: (scene: Scene) => Promise<void>,
): Fault {
  return {
    kind,
    rows,
    seconds,
    aftermath: 2,
    aim: (scene) => ({ touches: ['database', 'database-sessions'], begin: () => begin(scene), end: () => end(scene) }),
  };
}

/** A transaction that takes something and keeps it. */
function held(
  kind: string,
  rows: readonly string[],
  seconds: Fault['seconds'],
  take: (session: pg.Client, scene: Scene) => Promise<void>,
): Fault {
  return {
    kind,
    rows,
    seconds,
    aim(scene) {
      let session: pg.Client | undefined;
      return {
        touches: ['database-sessions'],
        begin: async () => {
          session = clientFor(scene);
          await session.connect();
          await session.query(`begin; set local lock_timeout = '3s'; set local idle_in_transaction_session_timeout = 0`);
          await take(session, scene);
        },
        end: async () => {
          await session?.query('rollback').catch(() => {});
          await session?.end().catch(() => {});
        },
      };
    },
  };
}

function clientFor({ database }: Scene): pg.Client {
  const client = new pg.Client({ connectionString: database.url, application_name: 'nemesis', connectionTimeoutMillis: 10_000 });
  client.on('error', () => {}); // Other faults end sessions, also this one.
  return client;
}

async function withSession(scene: Scene, work: (session: pg.Client) => Promise<unknown>): Promise<void> {
  const client = clientFor(scene);
  try {
    await client.connect();
    await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}
