import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timelineOf } from '../../src/cli/timeline.js';
import type { HistoryEntryView, SagaView } from '../../src/http/schemas.js';
import { eventually } from '../support/eventually.js';
import { backstep, Command, inside } from './command.js';

// The machine may be busy.
jest.setTimeout(120_000);

let directory: string;
let client: { BACKSTEP_URL: string };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'backstep-operator-'));
  const dev = new Command(['dev', '--port', '0', '--directory', join(directory, 'db'), '--sagas', 'test/support/fixtures/workshop']);
  const [, url] = await dev.says(/listening on (http:\S+)/);
  client = { BACKSTEP_URL: url! };
});
afterAll(() => rm(directory, { recursive: true }));

let files = 0;
/** A saga that is stuck at what is broken; `repair` mends it. */
async function broken(what: string) {
  const repaired = join(directory, `repaired-${files++}`);
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ name: 'repair', input: { broken: what, repaired } });
  const { id } = await fromApi<{ id: string }>('', { method: 'POST', headers, body });
  await ends(id, 'stuck');
  return { id, repaired, repair: () => writeFile(repaired, '') };
}
async function fromApi<T>(path: string, init?: RequestInit): Promise<T> {
  return (await (await fetch(`${client.BACKSTEP_URL}/api/v1/sagas${path}`, init)).json()) as T;
}
const run = (...args: readonly string[]) => inside(args, client);
const because = ['--reason', 'a test'];
async function saga(id: string): Promise<SagaView> {
  return fromApi<SagaView>(`/${id}`);
}
/** What a person at a terminal sees. */
async function screen(id: string): Promise<string> {
  const { entries } = await fromApi<{ entries: HistoryEntryView[] }>(`/${id}/history`);
  const terminal = { out: () => {}, err: () => {}, isTty: true, isErrTty: true, colors: false, columns: 120, input: process.stdin };
  return timelineOf(await saga(id), entries, terminal, Date.now());
}
/** The commands that the screen offers, each as somebody would type it. */
function offered(text: string): readonly string[][] {
  return [...text.matchAll(/^ +backstep (.+)$/gm)].map(([, line]) =>
    line!
      .replace(/\[--reply JSON\] /, `--reply {"driver":"Eve"} `)
      .replace(/\[--code CODE\] /, '--code no-driver ')
      .replace(/\[--request JSON\] /, '')
      .replace('TEXT', 'a-test')
      .split(' '),
  );
}
async function ends(id: string, status: string): Promise<SagaView> {
  await eventually(async () => (await saga(id)).status === status, { withinMs: 20_000, what: `saga ${id} is ${status}` });
  return saga(id);
}

describe('a saga that is stuck', () => {
  it('[B16 B17] at a compensation: says so, gets stuck again while it is not mended, and is undone when it is', async () => {
    const { id, repaired, repair } = await broken('giving back');
    // What a shell sees of it.
    const input = JSON.stringify({ broken: 'giving back', repaired });
    const other = await backstep(['start', 'repair', '--input', input, '--wait'], client);
    expect([other.code, other.stdout]).toEqual([12, expect.stringMatching(/\tstuck\n$/)]);
    const shown = await run('show', id);
    expect(shown.stdout).toMatch(/^stuck\ttake\tcompensation\t[^\t\n]*nobody opens the door[^\t\n]*\tretry, settle success\n/m);
    expect((await run('list', '--status', 'stuck')).stdout).toContain(id);
    const text = await screen(id);
    expect(text).toMatch(/turned back +step leave was rejected with no-driver/);
    expect(text).toMatch(/take's compensation is stuck: .*nobody opens the door/);
    const retry = offered(text).find(([verb]) => verb === 'retry')!;
    expect(retry).toEqual(['retry', id, 'take', '--reason', 'a-test']);
    expect((await run(...retry)).code).toBe(0);
    await eventually(async () => (await saga(id)).steps[0]!.compensation!.attempts >= 4, { withinMs: 20_000, everyMs: 100 });
    await ends(id, 'stuck');
    await repair();
    expect((await run(...retry)).code).toBe(0);
    expect(await ends(id, 'compensated')).toMatchObject({ attention: [] });
    expect((await run('list', '--status', 'stuck')).stdout).not.toContain(id);
  });

  it('[B17] at a compensation: can be settled by hand, which stays in sight', async () => {
    const { id } = await broken('giving back');
    const settle = offered(await screen(id)).find(([verb]) => verb === 'settle')!;
    expect(settle.slice(0, 5)).toEqual(['settle', id, 'take', '--outcome', 'success']);
    expect((await run(...settle, '--by', 'eve')).code).toBe(0);
    const ended = await ends(id, 'compensated');
    expect(ended.attention.length).toBeGreaterThan(0);
    expect(await screen(id)).toMatch(/settled.* by eve: a-test/);
  });

  it('at a retriable step: cannot be turned back, goes on when it is mended', async () => {
    const { id, repair } = await broken('letter');
    expect(await screen(id)).toMatch(/letter is stuck: .*the mail server is down/);
    const cancelled = await run('cancel', id, ...because);
    expect([cancelled.code, cancelled.stderr]).toEqual([4, expect.stringMatching(/^backstep: .*pivot.* \[SAGA_NOT_ALLOWED\]\n$/)]);
    expect((await run('settle', id, 'letter', '--outcome', 'rejected', ...because)).code).toBe(4);
    await repair();
    expect((await run('retry', id, 'letter', ...because)).code).toBe(0);
    await ends(id, 'completed');
    expect((await run('retry', id, 'letter', ...because)).code).toBe(4);
  });

  it('at a pivot nobody can be asked about: either outcome can be given', async () => {
    for (const outcome of ['success', 'rejected']) {
      const { id } = await broken('van');
      const text = await screen(id);
      expect(text).toMatch(/leave('s fence)? is stuck: /);
      const settle = offered(text).find((words) => words.includes(outcome))!;
      expect(settle.slice(0, 5)).toEqual(['settle', id, 'leave', '--outcome', outcome]);
      if (outcome === 'success') {
        const wrong = await run('settle', id, 'leave', '--outcome', 'success', '--reply', '{"driver":"\\u0000"}', ...because);
        expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('NUL')]);
      }
      const settled = await run(...settle);
      expect([settled.code, settled.stderr]).toEqual([0, '']);
      const ended = await ends(id, outcome === 'success' ? 'completed' : 'compensated');
      if (outcome === 'success') expect(ended.steps[1]!.reply).toEqual({ driver: 'Eve' });
    }
  });

  it('[A15] at a function that throws: goes on with a request that somebody wrote', async () => {
    const { id, repaired } = await broken('builder');
    expect(await screen(id)).toMatch(/take is stuck: .*there is no such bench/);
    const again = await run('retry', id, 'take', ...because);
    expect([again.code, (await saga(id)).status]).toEqual([0, 'stuck']);
    const wrong = await run('retry', id, 'take', '--request', '{', ...because);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--request')]);
    expect((await run('retry', id, 'take', '--request', JSON.stringify({ broken: 'nothing', repaired }), ...because)).code).toBe(0);
    await ends(id, 'completed');
  });

  it('offers only commands that are possible', async () => {
    for (const what of ['giving back', 'letter', 'van', 'builder']) {
      const first = offered(await screen((await broken(what)).id));
      expect(first.length).toBeGreaterThan(1);
      for (const index of first.keys()) {
        const { id } = await broken(what);
        const words = offered(await screen(id))[index]!;
        const { code, stderr } = await run(...words);
        expect([what, words[0], code, stderr]).toEqual([what, words[0], 0, '']);
      }
    }
  });
});

describe('an operator', () => {
  it('suspends and resumes: nothing is sent in between', async () => {
    const { id } = await broken('van');
    expect((await run('suspend', id, ...because)).stdout).toBe(`${id}\tsuspended\tdecided\n`);
    expect((await run('suspend', id, ...because)).code).toBe(4);
    expect(await screen(id)).toMatch(/suspended +by \S+: a test/);
    expect((await run('settle', id, 'leave', '--outcome', 'success', '--reply', '{"driver":"Eve"}', ...because)).code).toBe(0);
    const between = await saga(id);
    expect([between.status, between.steps[2]!.attempts]).toEqual(['suspended', 0]);
    expect((await run('resume', id, ...because)).code).toBe(0);
    await ends(id, 'completed');
    expect((await run('resume', id, ...because)).code).toBe(4);
  });

  it('cancels what has not passed the pivot, also while it is suspended', async () => {
    const { id } = await broken('builder');
    expect((await run('cancel', id, '--reason', 'the customer has gone', '--by', 'eve')).code).toBe(0);
    await ends(id, 'compensated');
    expect(await screen(id)).toMatch(/turned back +eve cancelled it: the customer has gone/);
    const other = await broken('van');
    expect((await run('suspend', other.id, ...because)).code).toBe(0);
    const cancelled = await run('cancel', other.id, ...because);
    expect([cancelled.code, cancelled.stdout]).toEqual([0, `${other.id}\tsuspended\tundecided\n`]);
  });

  it('is told which saga and which step there is not', async () => {
    const nobody = '01980000-0000-7000-8000-000000000000';
    expect(await run('retry', nobody, 'take', ...because)).toMatchObject({
      code: 3,
      stderr: `backstep: there is no saga ${nobody} [SAGA_NOT_FOUND]\n`,
    });
    const { id } = await broken('letter');
    const { code, stderr } = await run('retry', id, 'lettre', ...because);
    expect([code, stderr]).toEqual([3, expect.stringMatching(/lettre.*\[SAGA_STEP_NOT_FOUND\]\n$/)]);
    expect((await run('retry', id, 'letter')).code).toBe(2);
  });

  it('retries every saga that is stuck for the same, with one command', async () => {
    const sagas = [await broken('giving back'), await broken('giving back')];
    const failures = (await run('failures', '--name', 'repair')).stdout;
    const [failure] = failures
      .split('\n')
      .find((line) => line.includes('nobody opens the door'))!
      .split('\t');
    const many = ['retry', '--failure', failure!, '--limit', '2', ...because];
    const forecast = await run(...many, '--dry-run');
    expect([forecast.code, forecast.stdout]).toEqual([0, expect.stringMatching(/^matched\t2\nallowed\t2\n/)]);
    await Promise.all(sagas.map(({ repair }) => repair()));
    const done = await run(...many, '--yes');
    expect([done.code, done.stdout]).toEqual([0, expect.stringMatching(/\ntotal\t2\t2\t0\n$/)]);
    for (const { id } of sagas) await ends(id, 'compensated');
  });
});
