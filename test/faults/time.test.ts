import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Clock } from '../../src/ports/clock.js';
import type { SagaStore } from '../../src/ports/saga-store.js';
import { realClock } from '../contract/transport-parts.js';
import { closeAtEnd } from '../support/closing.js';
import { Installation } from '../support/engine-servers.js';
import type { Script } from '../support/engine.js';
import { eventually } from '../support/eventually.js';
import { planFrom } from '../support/plans.js';
import { everySaga, expectEnds, Flow, measured, plan, quantile, script } from './parts.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Timers of the full form are so many; CI has fewer. */
const TIMERS = Number(process.env['BACKSTEP_FAULTS_TIMERS'] ?? 10_000);

describe('time', () => {
  let at: Installation;
  let admin: pg.Client;
  afterEach(async () => {
    await at.close();
    await admin.end();
  }, 30_000);

  async function opened(): Promise<void> {
    at = await Installation.open();
    admin = new pg.Client({ connectionString: at.databaseUrl });
    await admin.connect();
    closeAtEnd(() => admin.end().catch(() => {}));
  }
  /**
   * Gives the database a clock that can be moved: functions of the same names, found before PostgreSQL's own by everybody who connects
   * from now on. Nothing in the product knows of it.
   */
  async function movableClock(): Promise<(ms: number) => Promise<unknown>> {
    const name = new URL(at.databaseUrl).pathname.slice(1);
    await admin.query(`
      create schema moved;
      create table moved.by (one boolean primary key, ms float8 not null);
      insert into moved.by values (true, 0);
      create function moved.clock_timestamp() returns timestamptz language sql volatile as
        $$ select pg_catalog.clock_timestamp() + (select ms from moved.by where one) * interval '1 millisecond' $$;
      create function moved.now() returns timestamptz language sql stable as
        $$ select pg_catalog.now() + (select ms from moved.by where one) * interval '1 millisecond' $$;
      alter database ${name} set search_path = moved, pg_catalog, public;
      -- The store switches sequential scans off, which makes a function like these so dear that it is compiled, at 100 ms a call.
      alter database ${name} set jit = off;`);
    return (ms) => admin.query('update moved.by set ms = $1', [ms]);
  }
  /** Timers that fired for the same attempt more than once, of all sagas. */
  async function firedTwice(store: SagaStore): Promise<string[]> {
    const twice: string[] = [];
    for (const { state } of await everySaga(store)) {
      const seen = new Set<string>();
      for (const { event, step, phase, execution, attempt } of (await store.history(state.id, 0, 10_000))!) {
        if (event !== 'timed-out' && event !== 'backoff-over') continue;
        const timer = [event, step, phase, execution, attempt].join(' ');
        if (seen.has(timer)) twice.push(`${state.id} ${timer}`);
        seen.add(timer);
      }
    }
    return twice;
  }
  /** Does not answer the first attempt of `charge`, so that its timer fires. */
  const slow: Script = (command) =>
    command.step === 'charge' && command.phase === 'a' && command.attempt === 1 ? undefined : script(command);

  it.each([HOUR, -HOUR, DAY, -DAY])(
    '[F1] the clock of an engine is off by %d ms: no timer is early or lost, and it is said',
    async (ms) => {
      await opened();
      const off: Clock = { ...realClock, now: () => Date.now() + ms };
      const flow = new Flow(40);
      const { engine, store, logs } = await at.engine([plan], { clock: off, observer: flow.observer, settings: { watchMs: 500 } });
      await at.participant('p', slow);
      flow.run(engine);
      await delay(1_500);
      await flow.stop();
      await expectEnds(store, flow.ids, 40_000);
      const [first] = await everySaga(store);
      const history = (await store.history(first!.state.id, 0, 100))!;
      const sent = history.find(({ effects }) => effects.some((effect) => effect.do === 'sent' && effect.step === 'charge'))!;
      const timedOut = history.find(({ event }) => event === 'timed-out')!;
      expect(timedOut.at - sent.at).toBeGreaterThanOrEqual(3_000);
      expect(timedOut.at - sent.at).toBeLessThan(6_000);
      expect(await firedTwice(store)).toEqual([]);
      expect(logs.count('the clocks of this machine and of the database differ')).toBe(1);
    },
    120_000,
  );

  it("[F2] the database's clock jumps, back by ten minutes and forward by an hour: timers fire late or at once, never twice, and it is said", async () => {
    await opened();
    const move = await movableClock();
    const flow = new Flow(150);
    const { engine, store, logs } = await at.engine([plan], { observer: flow.observer, settings: { watchMs: 200 } });
    await at.participant('p', slow);
    flow.run(engine);
    const said = () => logs.count('the clocks of this machine and of the database differ');
    await flow.untilNextEnd();
    await move(-10 * MINUTE);
    await eventually(() => said() === 1, { withinMs: 20_000 });
    // Sagas that were begun before the jump wait; new ones have their own timers, three seconds long.
    const before = flow.ended;
    await eventually(() => flow.ended > before + 5, { withinMs: 40_000 });
    await move(HOUR);
    await eventually(() => said() === 2, { withinMs: 20_000 });
    await eventually(() => flow.ended > before + 20, { withinMs: 40_000 });
    await flow.stop();
    // All that is open becomes due at once, and everything ends without another three seconds for each.
    await expectEnds(store, flow.ids, 40_000);
    await move(0);
    await eventually(() => logs.count('the clocks of this machine and of the database agree again') === 1, { withinMs: 20_000 });
    expect(await firedTwice(store)).toEqual([]);
    const late = (await everySaga(store)).filter(({ state }) => state.end === null);
    expect(late).toEqual([]);
  }, 180_000);

  it('[F3] a timer of more than 24.8 days does not fire at once, and holds nothing up', async () => {
    await opened();
    const patient = planFrom({
      deadlineMs: 40 * DAY,
      steps: [
        { name: 'reserve', timeoutMs: 30 * DAY },
        { name: 'ship', kind: 'pivot', timeoutMs: 30 * DAY },
      ],
    });
    let looks = 0;
    const { engine, store } = await at.engine([patient], { observer: { timersSwept: () => void looks++ } });
    const { id } = await engine.start({ name: 'test-saga', input: null });
    await delay(2_500);
    expect((await store.history(id, 0, 10))!.map(({ event }) => event)).toEqual(['started']);
    expect(looks).toBeLessThan(3);
    await at.participant('p', () => ({}));
    expect((await engine.waitUntilFinal(id, 20_000)).state.end).toBe('completed');
  }, 60_000);

  it(`[F4] ${TIMERS} timers are due at one instant: taken in batches, and new sagas go on`, async () => {
    await opened();
    const many = planFrom({ steps: [{ name: 'reserve', timeoutMs: DAY, attempts: 2 }] });
    const quick = { ...planFrom({ steps: [{ name: 'reserve' }] }), name: 'quick-saga' };
    // A broker in this process for the many: what is measured is the database.
    const lateness: number[] = [];
    let swept = 0;
    let largest = 0;
    const { engine, store } = await at.engine([many, quick], {
      observer: {
        timersSwept: ({ sagas, latenessMs }) => {
          swept += sagas;
          largest = Math.max(largest, sagas);
          lateness.push(latenessMs);
        },
      },
    });
    for (let i = 0; i < TIMERS; i += 2_000) {
      const requests = Array.from({ length: Math.min(2_000, TIMERS - i) }, () => ({ name: 'test-saga', input: null }));
      expect((await engine.startMany(requests)).some((answer) => answer instanceof Error)).toBe(false);
    }
    // Their resends, five seconds and more away, are all moved to now: of each the row says when, and the state.
    swept = 0;
    await admin.query(`
      update backstep.saga set wake_at = now(),
        state = regexp_replace(state::text, '"resendAt":[0-9]+', '"resendAt":1', 'g')::${await typeOfState()}, row_version = row_version + 1, stamp = stamp + 1
       where ended_at is null`);
    const from = performance.now();
    await at.participant('p', ({ sagaName }) => (sagaName === 'quick-saga' ? {} : undefined));
    const took: number[] = [];
    const ends: number[] = [];
    while (swept < TIMERS) {
      const begun = performance.now();
      const { id } = await engine.start({ name: 'quick-saga', input: null });
      took.push(performance.now() - begun);
      if (took.length % 10 === 1) {
        await engine.waitUntilFinal(id, 10_000);
        ends.push(performance.now() - begun);
      }
      await delay(20);
      if (performance.now() - from > 120_000) throw new Error(`only ${swept} of ${TIMERS} were swept within two minutes`);
    }
    measured('F4', `ms until ${TIMERS} timers had fired`, performance.now() - from);
    measured('F4', 'largest batch', largest);
    measured('F4', 'p99 in ms of a start meanwhile', quantile(took, 0.99));
    measured('F4', 'longest in ms from start to end of a new saga meanwhile', Math.max(...ends));
    expect(largest).toBeLessThanOrEqual(500);
    expect(quantile(took, 0.99)).toBeLessThan(2_000);
    expect(Math.max(...ends)).toBeLessThan(10_000);
    const counted = await admin
      .query<{ n: string }>(`select count(*) as n from backstep.saga_history where entry::text like '%resent%'`)
      .catch(() => undefined);
    if (counted) expect(Number(counted.rows[0]!.n)).toBeGreaterThanOrEqual(TIMERS);
    expect((await store.versionsInFlight()).find(({ name }) => name === 'test-saga')!.count).toBe(TIMERS);

    async function typeOfState(): Promise<string> {
      const { rows } = await admin.query<{ type: string }>(
        `select format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = 'backstep.saga'::regclass and attname = 'state'`,
      );
      return rows[0]!.type;
    }
  }, 240_000);

  it('[F6] the server is set to another time zone, and its clock passes the end of 32-bit seconds', async () => {
    await opened();
    const name = new URL(at.databaseUrl).pathname.slice(1);
    await admin.query(`alter database ${name} set timezone = 'Asia/Kathmandu'`);
    const move = await movableClock();
    const end = 2 ** 31 * 1_000;
    await move(end - 4_000 - Date.now());
    const flow = new Flow(150);
    const { engine, store } = await at.engine([plan], { observer: flow.observer });
    await at.participant('p', slow);
    flow.run(engine);
    await delay(6_000);
    await flow.stop();
    await expectEnds(store, flow.ids, 40_000);
    const instants = (await store.history((await everySaga(store)).at(-1)!.state.id, 0, 100))!.map(({ at: instant }) => instant);
    expect(instants[0]!).toBeLessThan(end);
    expect(instants.at(-1)!).toBeGreaterThan(end - 2_000);
    const last = (await store.history((await everySaga(store))[0]!.state.id, 0, 100))!;
    expect(last.at(-1)!.at).toBeGreaterThan(end);
    expect(await firedTwice(store)).toEqual([]);
  }, 120_000);
});
