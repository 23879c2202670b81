import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { statusOf } from '../../../src/core/state.js';
import { succeeds, until } from '../../support/engine.js';
import type { Api } from '../http/api.js';
import { declines, serverForTests } from './program.js';

// The machine may be busy.
jest.setTimeout(30_000);

const { api: apiOfTests, run } = serverForTests();
let api: Api;
beforeAll(() => {
  api = apiOfTests();
});

const START = ['start', 'test-saga', '--input', '{"total":1}'];
const mailIsDown: typeof succeeds = ({ step }) => (step === 'confirm' ? { outcome: 'error', body: '{"message":"mail is down"}' } : {});

async function startStuck(): Promise<string> {
  api.world.script = mailIsDown;
  const id = (await run(START)).out.slice(0, 36);
  await until(async () => statusOf((await api.world.inner.find(id))!.state) === 'stuck');
  return id;
}

describe('definitions', () => {
  it('lists every step, and with --figures how it went', async () => {
    const { id } = await api.world.engine.start({ name: 'test-saga', input: {} });
    await until(async () => statusOf((await api.world.inner.find(id))!.state) === 'completed');
    await api.world.inner.moveFinished(10);
    expect((await run(['definitions'])).out).toMatch(/^test-saga@1\treserve\tstep\t[^\t]+\t\t[^\t]+\n/);
    expect((await run(['definitions', '--figures'])).out).toMatch(/^test-saga@1\tcharge\t.*\t1\t0 %\t0 %\t0ms\t0ms$/m);
    expect((await run(['definitions', '--figures'], { isTty: true })).out).toContain('of the newest 1000 finished sagas of each version');
    expect(JSON.parse((await run(['definitions', '--figures', '--json'])).out)).toMatchObject({
      definitions: [{ name: 'test-saga' }],
      figures: { definitions: [{ sagas: 1 }] },
    });
  });
});

describe('start', () => {
  it('prints the id: a sentence for people, fields for pipes, a document with --json', async () => {
    expect((await run(START)).out).toMatch(/^[0-9a-f-]{36}\trunning\n$/);
    expect((await run(START, { isTty: true })).out).toMatch(/^started test-saga [0-9a-f-]{36}\n$/);
    expect(JSON.parse((await run([...START, '--json'])).out)).toMatchObject({ name: 'test-saga', created: true });
  });

  it('reads the input from a file or standard input', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'backstep-'));
    await writeFile(join(directory, 'input.json'), '{"from":"file"}');
    for (const [source, from] of [
      [`@${join(directory, 'input.json')}`, 'file'],
      ['-', 'stdin'],
    ]) {
      const { out } = await run(['start', 'test-saga', '--input', source!], { input: '{"from":"stdin"}' });
      expect(JSON.parse((await run(['show', out.slice(0, 36), '--json'])).out)).toMatchObject({ input: { from } });
    }
    expect(await run(['start', 'test-saga', '--input', '@/nowhere'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--input cannot be read'),
    });
    await rm(directory, { recursive: true });
  });

  it('with --wait says by its exit code how it ended', async () => {
    expect(await run([...START, '--wait'])).toMatchObject({ code: 0, out: expect.stringMatching(/\tcompleted\n$/) });
    api.world.script = declines;
    expect(await run([...START, '--wait'])).toMatchObject({ code: 10, out: expect.stringMatching(/\tcompensated\n$/) });
    api.world.script = () => undefined;
    expect(await run([...START, '--wait=0s'])).toMatchObject({ code: 11, out: expect.stringMatching(/\trunning\n$/) });
  });

  it('tells a key that was used for another input from one that was used for the same', async () => {
    expect((await run([...START, '--key', 'k-1'])).code).toBe(0);
    expect(await run([...START, '--key', 'k-1'], { isTty: true })).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^was started before:/),
    });
    expect((await run(['start', 'test-saga', '--input', '2', '--key', 'k-1'])).code).toBe(4);
  });
});

describe('start --many', () => {
  it('reports bad lines with their number and goes on', async () => {
    const said = await run(['start', 'test-saga', '--many', '-', '--wait'], {
      input: '{"n":1}\n\nnot json\n{"n":9007199254740993}\r\n{"n":2}',
    });
    expect(said.code).toBe(1);
    expect(said.out).toBe('created\t2\nexisting\t0\nfailed\t2\ncompleted\t2\n');
    expect(said.err).toMatch(/^line 3: it is not JSON: .*\nline 4: SAGA_REQUEST_INVALID: .*2\^53/);
  });

  it('draws its progress on a terminal, and counts in lines in a pipe', async () => {
    const input = '{}\n'.repeat(1_200);
    const pipe = await run(['start', 'test-saga', '--many', '-'], { input });
    expect(pipe).toMatchObject({ code: 0, out: 'created\t1200\nexisting\t0\nfailed\t0\n', err: '1000 started\n' });
    const tty = await run(['start', 'test-saga', '--many', '-'], { input, isTty: true });
    expect(tty).toMatchObject({ code: 0, out: '1200 created\n', err: expect.stringContaining('\r\u001b[K1200 started') });
    expect(tty.err.endsWith('\r\u001b[K')).toBe(true);
  });

  it('ends with 2 for a file that is not there', async () => {
    expect(await run(['start', 'test-saga', '--many', '/nowhere'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--many cannot be read'),
    });
  });
});

describe('list', () => {
  it('prints every field in full for a pipe, and a table for a person', async () => {
    api.world.script = declines;
    const id = (await run([...START, '--tag', 'test=list', '--key', 'a\tb', '--wait'])).out.slice(0, 36);
    const fields = (await run(['list', '--tag', 'test=list'])).out.trimEnd().split('\t');
    expect(fields).toEqual([
      id,
      'compensated',
      'test-saga@1',
      'a\\tb',
      '2026-01-01T00:00:00.000Z',
      expect.stringContaining('card-declined: no \\u001b[31mmoney\\n'),
    ]);
    const table = (await run(['list', '--tag', 'test=list'], { isTty: true, colors: true })).out;
    expect(table).toContain('\u001b[33mcompensated\u001b[39m');
    expect(table).not.toContain('\u001b[31mmoney');
  });

  it('ends where it is told, or goes on to the end', async () => {
    for (let i = 0; i < 3; i++) await run([...START, '--tag', 'test=pages']);
    expect((await run(['list', '--tag', 'test=pages', '--limit', '2'])).out.trim().split('\n')).toHaveLength(2);
    expect((await run(['list', '--tag', 'test=pages', '--all'])).out.trim().split('\n')).toHaveLength(3);
    const page = JSON.parse((await run(['list', '--tag', 'test=pages', '--limit', '2', '--json'])).out) as {
      sagas: unknown[];
      cursor: string;
    };
    expect([page.sagas.length, typeof page.cursor]).toEqual([2, 'string']);
    expect((await run(['list', '--name', 'none'], { isTty: true })).out).toBe('no sagas\n');
  });

  it('refuses a status that there is not', async () => {
    expect(await run(['list', '--status', 'lost'])).toMatchObject({ code: 2, err: expect.stringContaining('running, compensating') });
    expect((await run(['list', '--status', 'running', '--status', 'stuck'])).code).toBe(0);
  });
});

describe('show', () => {
  it('tells a person what happened, where it is, why, and what can be done', async () => {
    const id = await startStuck();
    const { out } = await run(['show', id], { isTty: true });
    expect(out).toMatch(/^test-saga version 1 {2}stuck\n/);
    expect(out).toMatch(/✓ ship +succeeded +p\.ship/);
    expect(out).toMatch(/! confirm +stuck +p\.confirm/);
    expect(out).toMatch(/What happened\n {2}00:00:00\.000 started → sent reserve/);
    expect(out).toMatch(/confirm is stuck: .*mail is down/);
    expect(out).toContain(`backstep retry ${id} confirm --reason TEXT`);
    expect(out).toContain(`backstep settle ${id} confirm --outcome success [--reply JSON] --reason TEXT`);
    expect(out).toContain(`backstep suspend ${id} --reason TEXT`);
    expect(out).not.toMatch(/--outcome rejected|backstep cancel/);
  });

  it('escapes whatever a participant put into its messages', async () => {
    api.world.script = declines;
    const id = (await run([...START, '--wait'])).out.slice(0, 36);
    for (const isTty of [true, false]) {
      const { out } = await run(['show', id], { isTty });
      expect(out).toContain('no \\u001b[31mmoney\\n');
      expect(out).not.toContain('\u001b');
    }
  });

  it('ends with 3 for one that is not there', async () => {
    expect((await run(['show', '00000000-0000-7000-8000-ffffffffffff'])).code).toBe(3);
    expect((await run(['show', 'x'])).code).toBe(1);
  });
});

describe('decisions', () => {
  it('need a reason, and say who decided', async () => {
    api.world.script = () => undefined;
    const id = (await run(START)).out.slice(0, 36);
    expect((await run(['suspend', id])).code).toBe(2);
    expect((await run(['suspend', id, '--reason', ' '])).code).toBe(2);
    expect(await run(['suspend', id, '--reason', 'wait'])).toMatchObject({ code: 0, out: `${id}\tsuspended\tdecided\n` });
    expect(JSON.parse((await run(['show', id, '--json'])).out)).toMatchObject({ suspended: { by: 'ada', reason: 'wait' } });
    expect((await run(['resume', id, '--reason', 'go'], { isTty: true })).out).toBe(`resume: saga ${id} is running\n`);
    expect((await run(['resume', id, '--reason', 'go'])).code).toBe(4);
  });

  it('settle a stuck step', async () => {
    const id = await startStuck();
    expect((await run(['settle', id, 'confirm', '--reason', 'sent it myself'])).code).toBe(2);
    expect((await run(['settle', id, 'nothing', '--outcome', 'success', '--reason', 'x'])).code).toBe(3);
    const settled = await run(['settle', id, 'confirm', '--outcome', 'success', '--reply', '{}', '--reason', 'sent it myself']);
    expect(settled).toMatchObject({ code: 0, out: `${id}\tcompleted\tdecided\n` });
    expect((await run(['history', id])).out).toMatch(/\tconfirm settled by hand success by ada: sent it myself\tconfirm succeeded; /);
  });
});

describe('an argument with control characters', () => {
  it('is quoted without them', async () => {
    for (const args of [['start', 'test-saga', '--input', '\u001b[2J'], ['list', '--\u001b[2J'], ['\u001b[2J']]) {
      const { code, err } = await run(args);
      expect(code).toBe(2);
      expect(err).toContain('\\u001b[2J');
      expect(err).not.toContain('\u001b');
    }
  });
});
