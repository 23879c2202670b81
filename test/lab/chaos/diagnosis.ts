import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stage } from './stage.js';

const SAGAS_SHOWN = 12;

/**
 * What a person needs where sagas do not end: which they are, where they stand and what they wait for, what waits in the queues, and what
 * PostgreSQL is at. Written into the evidence; gives a few lines of it.
 */
export async function diagnose({ installation, scene }: Stage, directory: string): Promise<readonly string[]> {
  const { namespace } = installation;
  const api = installation.client();
  const open = `from "${namespace}".saga where ended_at is null and status <> 'stuck'`;
  const kinds = await installation.query<{ name: string; status: string; n: string; due: string; last: string }>(
    `select name, status, count(*)::text as n, round(extract(epoch from min(wake_at) - now()))::text as due,
       round(extract(epoch from max(wake_at) - now()))::text as last ${open} group by 1, 2 order by 3 desc`,
  );
  const oldest = await installation.query<{ id: string }>(`select id::text as id ${open} order by id limit ${SAGAS_SHOWN}`);
  const sagas = await Promise.all(
    oldest.map(async ({ id }) => ({ saga: await api.show(id).catch(String), history: await api.history(id).catch(String) })),
  );
  const sessions = await installation.query(
    `select pid, application_name, state, wait_event_type, wait_event, now() - xact_start as xact, left(query, 200) as query from pg_stat_activity where datname = current_database()`,
  );
  const queues = await scene.broker
    .ctl('list_queues', 'name', 'messages_ready', 'messages_unacknowledged', 'consumers', '--silent')
    .catch(String);
  writeFileSync(join(directory, 'diagnosis.json'), JSON.stringify({ kinds, sagas, queues: queues.split('\n'), sessions }, undefined, 2));
  return [
    ...kinds.map(({ name, status, n, due, last }) => `${n} ${name} are ${status}; their timers are due in ${due} to ${last} s`),
    ...queues
      .split('\n')
      .flatMap((line) =>
        /\t(?:[1-9]\d*\t\d+|\d+\t[1-9]\d*)\t/.test(line) ? [`queue ${line.replaceAll('\t', ' ')} (ready, unacknowledged, consumers)`] : [],
      ),
    ...sagas
      .slice(0, 3)
      .flatMap(({ saga }) => (typeof saga === 'string' ? [saga] : [`${saga.id} ${saga.name} ${saga.status} at ${saga.at.join(', ')}`])),
    `more in ${join(directory, 'diagnosis.json')}`,
  ];
}
