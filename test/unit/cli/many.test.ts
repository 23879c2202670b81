import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { statusOf } from '../../../src/core/state.js';
import { succeeds, until } from '../../support/engine.js';
import type { Api } from '../http/api.js';
import { serverForTests } from './program.js';

// The machine may be busy.
jest.setTimeout(30_000);

const { api: apiOfTests, run } = serverForTests();
let api: Api;
beforeAll(() => {
  api = apiOfTests();
});

const WHY = ['--reason', 'because'];
const mailIsDown: typeof succeeds = ({ step }) =>
  step === 'confirm' ? { outcome: 'error', body: '{"code":"E_MAIL","message":"mail 7 is\\u001b down"}' } : {};

async function start(tag: string): Promise<string> {
  return (await run(['start', 'test-saga', '--input', '{}', '--tag', `of=${tag}`])).out.slice(0, 36);
}
async function stuck(tag: string): Promise<string> {
  api.world.script = mailIsDown;
  const id = await start(tag);
  await until(async () => statusOf((await api.world.inner.find(id))!.state) === 'stuck');
  return id;
}

describe('list', () => {
  it('finds by where a saga is, by error and by age', async () => {
    const id = await stuck('list');
    const found = async (...options: string[]) => (await run(['list', '--tag', 'of=list', ...options])).out.slice(0, 36);
    expect(await found('--step', 'confirm', '--waiting-for', 'p', '--error', 'E_MAIL', '--saga-version', '1')).toBe(id);
    // The API's clock stands still in the past, the command's does not.
    expect(await found('--started-before', '1h')).toBe(id);
    expect(await found('--started-after', '1h')).toBe('');
    expect(await found('--started-before', '2025-01-01')).toBe('');
    expect(await found('--step', 'ship')).toBe('');
    expect(await run(['list', '--started-before', 'soon'])).toMatchObject({ code: 2, err: expect.stringContaining('2h') });
  });
});

describe('failures', () => {
  it('groups what is stuck, and names the group for a decision', async () => {
    const ids = [await stuck('failures'), await stuck('failures')];
    const { out } = await run(['failures']);
    const [failure, count, saga, step, phase, code, since, message] = out.trimEnd().split('\t');
    expect([saga, step, phase, code, since, message]).toEqual([
      'test-saga',
      'confirm',
      'action',
      'E_MAIL',
      '2026-01-01T00:00:00.000Z',
      'mail … is\\u001b down',
    ]);
    expect(Number(count)).toBeGreaterThanOrEqual(2);
    expect((await run(['failures'], { isTty: true })).out).toMatch(/^failure +sagas +saga +step/);
    const done = await run(['settle', '--failure', failure!, '--tag', 'of=failures', '--outcome', 'success', ...WHY, '--yes']);
    expect(done).toMatchObject({
      code: 0,
      out: `${[...ids]
        .reverse()
        .map((id) => `${id}\tdone\tcompleted\t\t\n`)
        .join('')}total\t2\t2\t0\n`,
    });
    expect((await run(['failures', '--name', 'none'], { isTty: true })).out).toBe('nothing is stuck\n');
  });
});

describe('a decision about many', () => {
  it('says with --dry-run what would happen, and does nothing', async () => {
    api.world.script = () => undefined;
    const id = await start('dry');
    const args = ['suspend', '--tag', 'of=dry', ...WHY, '--dry-run'];
    expect(await run(args)).toMatchObject({ code: 0, out: `matched\t1\nallowed\t1\nsample\t${id}\ttest-saga\trunning\tsuspended\t\n` });
    expect((await run(args, { isTty: true })).out).toMatch(/^suspend would find 1 sagas and be allowed for 1; nothing was done\n/);
    expect(JSON.parse((await run([...args, '--json'])).out)).toMatchObject({ matched: 1, allowed: 1, refused: [] });
    expect((await run(['list', '--tag', 'of=dry'])).out).toContain('\trunning\t');
  });

  it('does nothing without --yes, and does not mix with an id', async () => {
    expect(await run(['cancel', '--name', 'test-saga', ...WHY])).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
    const id = '00000000-0000-7000-8000-ffffffffffff';
    expect(await run(['cancel', id, '--name', 'x', '--yes', ...WHY])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--name, --yes'),
    });
    expect(await run(['retry', id, ...WHY])).toMatchObject({ code: 2, err: expect.stringContaining('the step is missing') });
    expect(await run(['retry', '--name', 'x', '--request', '{}', ...WHY, '--yes'])).toMatchObject({ code: 2 });
    expect(await run(['cancel', '--status', 'completed', ...WHY])).toMatchObject({ code: 2 });
    expect(await run(['cancel', ...WHY, '--yes'])).toMatchObject({ code: 1, err: expect.stringContaining('at least one thing') });
  });

  it('tells of each, and by its exit code whether all were done', async () => {
    const id = await stuck('each');
    const refused = await run(['cancel', '--tag', 'of=each', ...WHY, '--yes']);
    expect(refused).toMatchObject({
      code: 4,
      out: expect.stringMatching(/\trefused\t\tSAGA_NOT_ALLOWED\t.*pivot ship has succeeded.*\ntotal\t1\t0\t1\n$/),
    });
    const lines = (await run(['suspend', '--tag', 'of=each', ...WHY, '--yes', '--json'])).out.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { id, done: true, status: 'suspended' },
      { summary: { matched: 1, done: 1, refused: 0 } },
    ]);
    expect((await run(['resume', '--tag', 'of=each', ...WHY, '--yes'], { isTty: true })).out).toBe('1 of 1 done, 0 refused\n');
    api.world.script = succeeds;
    expect((await run(['retry', '--tag', 'of=each', '--step', 'confirm', ...WHY, '--yes'])).code).toBe(0);
    await until(async () => statusOf((await api.world.inner.find(id))!.state) === 'completed');
  });
});

describe('plan-cancel', () => {
  it('tells what a cancel would send, or why it is refused', async () => {
    api.world.script = ({ step }) => (step === 'charge' ? undefined : {});
    const id = await start('plan');
    await until(async () => (await api.world.inner.find(id))!.state.steps['charge'] !== undefined);
    const { code, out } = await run(['plan-cancel', id]);
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'note\tfirst it waits for what is under way: charge',
      'sends\t1\tcharge\tcompensation\tp.undocharge\tsuccess\topen\t\t',
      'sends\t1\tcharge\tcompensation\tp.undocharge\tunknown\topen\t{"undo":"charge"}\t',
      'sends\t2\treserve\tcompensation\tp.undoreserve\tsuccess\tknown\t{"undo":"reserve"}\t',
      '',
    ]);
    const forPeople = (await run(['plan-cancel', id], { isTty: true })).out;
    expect(forPeople).toContain(' 1. p.undocharge undoes charge, if it succeeds\n');
    expect(forPeople).toContain(' 2. p.undoreserve undoes reserve {"undo":"reserve"}\n');
    const behind = await stuck('plan');
    expect(await run(['plan-cancel', behind])).toMatchObject({
      code: 4,
      out: expect.stringMatching(/^refused\tits pivot ship has succeeded/),
    });
    expect(JSON.parse((await run(['plan-cancel', behind, '--json'])).out)).toMatchObject({ possible: false });
  });
});
