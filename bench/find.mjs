// node bench/find.mjs: how long a page of sagas takes, by what is looked for, beside many finished sagas. bench/README.md has its figures.
import { parseArgs } from 'node:util';
import { connect, migrate, PostgresSagaStore } from '../dist/src/orchestrator.js';
import { listing } from '../dist/src/postgres/list-sagas.js';
import { firstIdAt } from '../dist/src/postgres/partitions.js';
import { databaseUrl, dropDatabase, NAME, POSTGRES_URL, query } from './lib/servers.mjs';

const { values } = parseArgs({
  options: {
    finished: { type: 'string', default: '1000000' },
    open: { type: 'string', default: '10000' },
    repetitions: { type: 'string', default: '200' },
  },
});
const [FINISHED, OPEN, REPETITIONS] = [values.finished, values.open, values.repetitions].map(Number);
const DATABASE = `${NAME}_find`;
const WEEK_MS = 7 * 86_400_000;
const MONDAY_MS = 4 * 86_400_000;
const WEEKS = 4;
const PAGE = 50;
/** Pages before those that count. */
const WARM = 5;
const until = Date.now() - 60_000;
const from = until - WEEKS * WEEK_MS;

try {
  await dropDatabase(DATABASE);
  await query(POSTGRES_URL, `create database ${DATABASE}`);
  const url = databaseUrl(DATABASE);
  const dataSource = await connect({ url });
  await migrate(dataSource);
  const store = new PostgresSagaStore(dataSource);
  try {
    await fill(url);
    await measure(store, url);
  } finally {
    await store.close();
  }
} finally {
  await dropDatabase(DATABASE);
}

/** One saga in ten is compensated, one in five has a tag, one in a hundred is of version 1; open ones are at one of three steps. */
async function fill(url) {
  const schema = 'backstep';
  const first = Math.floor((from - MONDAY_MS) / WEEK_MS) * WEEK_MS + MONDAY_MS;
  for (let week = first; week < Date.now() - WEEK_MS; week += WEEK_MS)
    await query(
      url,
      `create table ${schema}.finished_saga_past_${week} partition of ${schema}.finished_saga
         for values from ('${firstIdAt(week)}') to ('${firstIdAt(week + WEEK_MS)}')`,
    );
  const step = (until - from) / FINISHED;
  const id = (ms) =>
    `(substr(lpad(to_hex(${ms}), 12, '0'), 1, 8) || '-' || substr(lpad(to_hex(${ms}), 12, '0'), 9, 4) || '-7' ||
      substr(md5(n::text), 1, 3) || '-8' || substr(md5(n::text), 4, 3) || '-' || substr(md5(n::text), 7, 12))::uuid`;
  const ms = `floor(${from} + n * ${step}::float8)::bigint`;
  const reply = `'"startedAt":1,"action":{"execution":1,"attempt":1,"tries":1,"request":{"orderId":"' || md5(n::text) || '","amount":12.5},"firstSentAt":1,"cause":"start"'`;
  const done = (name) =>
    `"${name}":{"outcome":"succeeded",' || ${reply} || ',"status":"settled"},"settledAt":2,"reply":{"id":"' || md5('${name}' || n) || '"}}`;
  const head = `'{"name":"saga-' || n % 10 || '","version":' || case when n % 100 = 0 then 1 else 2 end || ',"startedAt":1,"input":{"orderId":"o-' || n || '"}`;
  await query(
    url,
    `set synchronous_commit = off;
     insert into ${schema}.finished_saga (id, name, version, key, tags, status, state, row_version, stamp, started_at, ended_at)
       select ${id(ms)}, 'saga-' || n % 10, case when n % 100 = 0 then 1 else 2 end, 'o-' || n,
         case when n % 5 = 0 then jsonb_build_object('shop', 'shop-' || n % 100) when n % 1000 = 1 then jsonb_build_object('ticket', n::text) else '{}' end,
         case when n % 10 = 3 then 'compensated' else 'completed' end,
         ${head},"direction":"' || case when n % 10 = 3 then 'backward' else 'forward' end || '","seq":9,"eventAt":1,"bytes":64,"order":[],"end":"completed"' ||
           case when n % 10 = 3 then ',"reason":{"kind":"rejected","step":"charge","code":"code-' || n % 1000 / 10 || '","message":"no"}' else '' end ||
           ',"steps":{${done('reserve')},${done('charge')},${done('ship')}}}',
         7, 1, to_timestamp(${ms} / 1000.0), to_timestamp(${ms} / 1000.0 + 2)
       from generate_series(0, ${FINISHED - 1}) n;
     insert into ${schema}.saga_key (kind, name, key, saga_id, input_hash) select 'key', name, key, id, '' from ${schema}.finished_saga;
     insert into ${schema}.saga (id, name, version, key, tags, status, state, row_version, stamp, wake_at, started_at)
       select ${id(`${until} + n`)}, 'saga-' || n % 10, 2, 'open-' || n, '{}', case when n % 100 = 0 then 'stuck' else 'running' end,
         ${head},"direction":"forward","seq":4,"eventAt":1,"bytes":64,"order":[],"steps":{${done('reserve')},"' ||
           case n % 3 when 0 then 'charge' when 1 then 'book' else case when n = 2 then 'rare' else 'ship' end end || '":{"outcome":"open",' || ${reply} ||
           case when n % 100 = 0 then ',"lastError":{"code":"E' || n % 7 || '","message":"away"},"status":"stuck","message":"away","since":1,"again":"attempt"'
             else ',"status":"inFlight","sentAt":1,"timeoutAt":9,"resendAt":9,"gapMs":1' end || '}}}}',
         3, 1, to_timestamp(4000000000), to_timestamp((${until} + n) / 1000.0)
       from generate_series(1, ${OPEN}) n`,
  );
  await query(url, 'vacuum analyze');
}

async function measure(store, url) {
  const pick = (n) => Math.floor(((n * 7_919) % REPETITIONS) * (FINISHED / REPETITIONS));
  const instant = (n) => Math.floor(from + (pick(n) / FINISHED) * (until - from));
  const places = ['charge', 'book'].flatMap((step) =>
    Array.from({ length: 10 }, (_, n) => ({ name: `saga-${n}`, version: 2, step, side: 'doing' })),
  );
  const filters = {
    'nothing (the newest)': () => ({}),
    'status=compensated': () => ({ status: ['compensated'] }),
    'status=stuck': () => ({ status: ['stuck'] }),
    name: (n) => ({ name: `saga-${n % 10}` }),
    'name that no saga has': () => ({ name: 'nothing' }),
    'name and version, 1 in 100': (n) => ({ name: `saga-${(n % 2) * 10 || 0}`, version: 1 }),
    key: (n) => ({ key: `o-${pick(n)}` }),
    'tag of 1 saga': (n) => ({ tags: { ticket: String(pick(n) - (pick(n) % 1_000) + 1) } }),
    'tag of 1 saga in 100': (n) => ({ tags: { shop: `shop-${(n * 5) % 100}` } }),
    'tag that no saga has': () => ({ tags: { shop: 'nowhere' } }),
    'error code of 1 in 1,000': (n) => ({ error: `code-${n % 100}` }),
    'error code that none has': () => ({ error: 'nothing' }),
    'name and error code': (n) => ({ name: 'saga-3', error: `code-${n % 100}` }),
    startedBefore: (n) => ({ startedBefore: instant(n) }),
    startedAfter: (n) => ({ startedAfter: instant(n) }),
    'status=compensated, name, startedBefore': (n) => ({ status: ['compensated'], name: 'saga-3', startedBefore: instant(n) }),
    'step where 1 in 3 open sagas is': () => ({ step: 'charge' }),
    'step where 1 open saga is': () => ({ step: 'rare' }),
    'waitingFor (2 steps of 10 sagas)': () => ({ places }),
    'status=stuck, error code': (n) => ({ status: ['stuck'], error: `E${n % 7}` }),
    'a page in the middle': (n) => ({ cursor: Buffer.from(firstIdAt(instant(n)).replaceAll('-', ''), 'hex').toString('base64url') }),
  };
  console.log(
    `${FINISHED.toLocaleString('en')} finished, ${OPEN.toLocaleString('en')} open sagas; pages of ${PAGE}, ${REPETITIONS} each; ms\n`,
  );
  console.log('| looked for | found | least | p50 | p99 | most blocks |\n| --- | --- | --- | --- | --- | --- |');
  for (const [name, filterOf] of Object.entries(filters)) {
    const times = [];
    let found = 0;
    for (let n = 0; n < WARM; n++) await store.list({ limit: PAGE, ...filterOf(n) });
    for (let n = 0; n < REPETITIONS; n++) {
      const since = performance.now();
      const { sagas } = await store.list({ limit: PAGE, ...filterOf(n) });
      times.push(performance.now() - since);
      found = Math.max(found, sagas.length);
    }
    times.sort((one, other) => one - other);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(1);
    const blocks = await Promise.all([0, 1, 2].map((n) => blocksOf(url, { limit: PAGE, ...filterOf(n) })));
    console.log(`| ${name} | ${found} | ${at(0)} | ${at(0.5)} | ${at(0.99)} | ${Math.max(...blocks)} |`);
  }
  const times = [];
  for (let n = 0; n < 20; n++) {
    const since = performance.now();
    await store.overview({ limit: 10 });
    times.push(performance.now() - since);
  }
  console.log(`\ncounts by definition and status: ${times.toSorted((one, other) => one - other)[10].toFixed(1)} ms`);
}

/** Blocks that PostgreSQL looks at for a page: what a page costs on any machine. */
async function blocksOf(url, filter) {
  const { text, values: given } = listing('backstep', filter);
  const { rows } = await query(url, `explain (analyze, buffers, format json) ${text}`, given);
  const { Plan: plan } = rows[0]['QUERY PLAN'][0];
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
}
