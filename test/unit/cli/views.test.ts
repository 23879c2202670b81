import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fit } from '../../../src/cli/live.js';
import { compare } from '../../../src/cli/rates.js';
import type { HistoryEntryView, OverviewView } from '../../../src/http/schemas.js';
import { succeeds, until } from '../../support/engine.js';
import type { Api } from '../http/api.js';
import { declines, run as runOn, serverForTests } from './program.js';

// The machine may be busy.
jest.setTimeout(30_000);

const { api: apiOfTests, run } = serverForTests();
let api: Api;
beforeAll(() => {
  api = apiOfTests();
});

const START = ['start', 'test-saga', '--input', '{}'];
const [ENTER, LEAVE] = ['\u001b[?1049h', '\u001b[?1049l'];

/** One whose second step is not answered until somebody says so. */
async function startWaiting(): Promise<{ readonly id: string; readonly answer: () => void }> {
  api.world.script = ({ step }) => (step === 'charge' ? undefined : {});
  const id = (await run(START)).out.slice(0, 36);
  await until(async () => (await api.world.inner.find(id))!.state.steps['charge'] !== undefined);
  return { id, answer: () => void api.world.reply(`${id}.charge.a.1`) };
}

describe('graph', () => {
  it('draws a definition in every format', async () => {
    expect((await run(['graph', 'test-saga'])).out).toContain('flowchart LR\n');
    expect((await run(['graph', 'test-saga', '--format', 'dot'])).out).toMatch(/^digraph "test-saga" \{/);
    expect((await run(['graph', 'test-saga', '--format', 'svg'])).out).toMatch(/^<svg /);
    expect(JSON.parse((await run(['graph', 'test-saga', '--json'])).out)).toMatchObject({
      edges: [{ from: 'reserve', to: 'charge' }, {}, {}],
    });
  });

  it('shows where a saga is', async () => {
    api.world.script = declines;
    const id = (await run([...START, '--wait'])).out.slice(0, 36);
    const { code, out } = await run(['graph', '--saga', id, '--format', 'json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      saga: { id, status: 'compensated' },
      nodes: [{ name: 'reserve', state: 'compensated', compensation: { state: 'succeeded' } }, { state: 'rejected' }, {}, {}],
    });
    expect((await run(['graph', '--saga', id])).out).toContain('class step_ship,step_confirm idle');
  });

  it('says what is wrong by its exit code', async () => {
    const { id } = await startWaiting();
    expect((await run(['graph', 'nothing'])).code).toBe(3);
    expect((await run(['graph', 'test-saga', '--saga-version', '7'])).code).toBe(3);
    for (const args of [[], ['test-saga', '--format', 'png'], ['test-saga', '--format', 'svg', '--json'], ['other', '--saga', id]])
      expect((await run(['graph', ...args])).code).toBe(2);
    expect((await run(['graph', 'test-saga', '--saga', id, '--saga-version', '7'])).code).toBe(2);
    expect((await runOn(['graph', 'test-saga'], { url: 'http://127.0.0.1:9' })).code).toBe(5);
    expect((await runOn(['graph', 'x', '--sagas', '/nowhere'], {})).err).toContain('there is no such folder');
  });
});

describe('watch', () => {
  it('prints a line for each thing that happens until the end, and says by its exit code how it ended', async () => {
    const { id, answer } = await startWaiting();
    let answered = false;
    const onOut = (out: string) => {
      if (answered || !out.includes('started')) return;
      answered = true;
      api.world.script = succeeds;
      answer();
    };
    const { code, out } = await run(['watch', id, '--json'], { onOut });
    const entries = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as HistoryEntryView);
    expect([code, entries]).toEqual([0, JSON.parse((await run(['history', id, '--json'])).out)]);
    expect((await run(['watch', id])).out).toBe((await run(['history', id])).out);
  });

  it('ends with 10 for one that was undone, with nothing of a participant that moves the cursor', async () => {
    api.world.script = declines;
    const id = (await run([...START, '--wait'])).out.slice(0, 36);
    const pipe = await run(['watch', id]);
    expect([pipe.code, pipe.out.includes('\u001b')]).toEqual([10, false]);
    const { code, out } = await run(['watch', id], { isTty: true });
    expect([code, out.includes('\u001b[31m')]).toEqual([10, false]);
    expect(out.split(LEAVE)[1]).toContain('test-saga version 1  compensated');
  });

  it('on a terminal draws within its height and width, and Ctrl-C gives the terminal back', async () => {
    const { id } = await startWaiting();
    const onOut = (out: string, interrupt: () => void) => void (out.includes('\u001b[J') && interrupt());
    const { code, out } = await run(['watch', id], { isTty: true, colors: true, columns: 30, rows: 12, onOut });
    expect(code).toBe(11);
    expect(out.startsWith(ENTER)).toBe(true);
    const [frame, after] = [out.slice(out.indexOf('\u001b[H') + 3, out.indexOf('\u001b[J')), out.split(LEAVE)[1]!];
    const lines = frame.replaceAll(/\u001b\[[0-9;]*[mK]/g, '').split('\r\n');
    expect(lines).toHaveLength(12);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(30);
    expect(after).toContain('What happened');
  });

  it('ends with 3 for one that is not there, before anything is drawn', async () => {
    const said = await run(['watch', '00000000-0000-7000-8000-ffffffffffff'], { isTty: true });
    expect([said.code, said.out]).toEqual([3, '']);
  });
});

describe('top', () => {
  it('prints what is under way once, with rates', async () => {
    const { id } = await startWaiting();
    const look = JSON.parse((await run(['top', '--once', '--json', '--interval', '200ms'])).out) as OverviewView;
    expect(look.definitions).toMatchObject([{ name: 'test-saga', loaded: true }]);
    expect(look.oldest.map((saga) => saga.id)).toContain(id);
    const { code, out } = await run(['top', '--once', '--interval', '200ms']);
    expect([code, out]).toEqual([0, expect.stringMatching(/^total\t2026-01-01T00:00:00\.000Z\t\d+\t-\t-\ndefinition\ttest-saga@1\t/)]);
    expect(out).toContain(`oldest\t${id}\trunning\ttest-saga@1\t`);
  });

  it('is drawn until Ctrl-C, and then ends with 0', async () => {
    const onOut = (out: string, interrupt: () => void) => void (out.includes('\u001b[J') && interrupt());
    const { code, out } = await run(['top'], { isTty: true, columns: 20, rows: 3, onOut });
    expect(code).toBe(0);
    expect([out.startsWith(ENTER), out.endsWith(LEAVE)]).toEqual([true, true]);
    expect(out).toContain('more lines');
  });

  it('refuses an interval that is too short', async () => {
    expect((await run(['top', '--once', '--interval', '1ms'])).code).toBe(2);
  });
});

describe('rates', () => {
  const counts = { loaded: true, compensating: 0, suspended: 0, stuck: 0 };
  const at = (second: number, running: number, started?: number): OverviewView => ({
    at: `2026-01-01T00:00:0${second}.000Z`,
    definitions: [{ name: 'a', version: 1, ...counts, running, ...(started === undefined ? {} : { started }) }],
    oldest: [],
    stuck: [],
  });

  it('follow from two looks: what began and is not there any more has ended', () => {
    expect(compare(at(2, 5, 7), at(0, 10)).rates).toEqual({ started: 3.5, ended: 6 });
    expect(compare(at(2, 10, 1), at(0, 5)).rates).toEqual({ started: 0.5, ended: 0 });
  });

  it('are not known without a look before, or where starts were not counted', () => {
    expect(compare(at(2, 5, 7), undefined).rates).toEqual({ started: null, ended: null });
    expect(compare(at(2, 5), at(0, 5)).definitions[0]!.rates).toEqual({ started: null, ended: null });
  });
});

describe('a line that is too long', () => {
  it('is cut where it is seen to end, and gives its colours back', () => {
    expect(fit('\u001b[31mabcdef\u001b[39m', 4)).toBe('\u001b[31mabc…\u001b[39m');
    expect(fit('\u001b[31mabcd\u001b[39m', 4)).toBe('\u001b[31mabcd\u001b[39m');
  });
});

describe('completion', () => {
  it('names every command and option, for every shell', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, out } = await run(['completion', shell]);
      expect(code).toBe(0);
      for (const word of ['serve', 'graph', 'watch', 'top', 'mermaid dot json svg', 'allow-orphans']) expect(out).toContain(word);
    }
    expect((await run(['completion', 'csh'])).code).toBe(2);
  });

  it.each([
    [['gr'], 'graph'],
    [['graph', '--format', 's'], 'svg'],
    [['graph', '--format', '=', 's'], 'svg'],
    [['graph', '--sagas', ''], ''],
    [['watch', 'x', '--j'], '--json'],
    [['completion', 'z'], 'zsh'],
  ])('of %j in bash gives %j', async (words, completed) => {
    const { out } = await run(['completion', 'bash']);
    const typed = ['backstep', ...words].map((word) => `'${word}'`).join(' ');
    const script = `${out}\nCOMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _backstep; echo "\${COMPREPLY[*]}"`;
    const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', script]);
    expect(stdout.trim()).toBe(completed);
  });
});
