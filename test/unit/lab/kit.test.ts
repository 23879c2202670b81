import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Chance } from '../../lab/kit/chance.js';
import { Journal, readLines } from '../../lab/kit/files.js';
import { readFlags } from '../../lab/kit/flags.js';
import { barPlot, histogramPlot, linePlot } from '../../lab/kit/plot.js';
import { LabProcess } from '../../lab/kit/processes.js';
import { mixedStarts } from '../../lab/kit/starts.js';
import { histogram, percentile, slope } from '../../lab/kit/statistics.js';
import { expectedEnd, WORKLOADS } from '../../lab/kit/workloads/all.js';
import { closeAtEnd } from '../../support/closing.js';
import { eventually } from '../../support/eventually.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'backstep-kit-'));
  closeAtEnd(async () => rmSync(path, { recursive: true, force: true }));
  return path;
}
const TALKS = `console.log('up'); setInterval(() => {}, 1000); process.on('SIGTERM', () => process.exit(3));`;
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('processes', () => {
  it('are started, killed and started again under one name, each with a log of its own', async () => {
    const process = new LabProcess({ name: 'talker', directory: folder(), args: ['-e', TALKS], ready: /up/ });
    closeAtEnd(async () => void (process.isRunning && (await process.kill())));
    await process.start();
    const { pid } = process;
    expect(await process.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(isAlive(pid)).toBe(false);
    await process.start();
    process.pause();
    expect(await process.stop()).toEqual({ code: 3, signal: null });
    expect(process.exits).toHaveLength(2);
    expect(process.logFile).toMatch(/talker\.2\.log$/);
    expect(process.log).toBe('up\n');
  });

  it('say why they did not come up', async () => {
    const process = new LabProcess({ name: 'broken', directory: folder(), args: ['-e', `throw new Error('no luck')`], ready: /up/ });
    await expect(process.start()).rejects.toThrow(/broken ended without saying[\s\S]*no luck/);
  });

  it('do not outlive the experiment, not even stopped', async () => {
    const kit = JSON.stringify(resolve('dist/test/lab/kit/processes.js'));
    const experiment = `const { LabProcess } = await import(${kit});
      const child = await new LabProcess({ name: 'child', directory: ${JSON.stringify(folder())}, args: ['-e', ${JSON.stringify(TALKS)}], ready: /up/ }).start();
      child.pause(); console.log(child.pid); setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', experiment], { stdio: ['ignore', 'pipe', 'inherit'] });
    closeAtEnd(async () => void parent.kill('SIGKILL'));
    const pid = await new Promise<number>((found) => parent.stdout.on('data', (text: Buffer) => found(Number(text.toString()))));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await eventually(() => !isAlive(pid), { withinMs: 20_000, what: 'the child is gone' });
    parent.stdout.destroy();
  }, 60_000);
});

describe('a journal', () => {
  it('has every line that was waited for, in order; a line that was cut off is left out', async () => {
    const path = join(folder(), 'lines.jsonl');
    const journal = new Journal(path);
    await Promise.all([1, 2, 3].map((n) => journal.append({ n })));
    expect(readFileSync(path, 'utf8')).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
    await journal.append('half');
    await journal.close();
    expect(readLines(path)).toHaveLength(4);
    expect(readLines(join(folder(), 'none'))).toEqual([]);
  });
});

describe('workloads', () => {
  const names = Object.values(WORKLOADS).map(({ name }) => name as keyof typeof WORKLOADS);

  it('draw the same inputs from the same seed', () => {
    const draw = (seed: number) => [...mixedStarts(seed, names, { count: 200 })];
    expect(draw(7)).toEqual(draw(7));
    expect(draw(8)).not.toEqual(draw(7));
  });

  it.each(names)('%s has every end that it can have, and no other saga than its own', (name) => {
    const workload = WORKLOADS[name];
    const starts = workload.inputs(new Chance(1), 2_000, { stuck: true });
    const ends = new Set(starts.map(expectedEnd));
    const possible = { bank: ['completed', 'compensated', 'either'], order: ['completed', 'compensated'], slow: ['compensated', 'either'] };
    expect([...ends].sort()).toEqual(name === 'random' ? ['compensated', 'completed', 'stuck'].sort() : possible[name].toSorted());
    expect(new Set(starts.map(({ saga }) => saga))).toEqual(new Set(workload.sagas));
  });

  it('are stuck only when asked to', () => {
    expect(WORKLOADS.random.inputs(new Chance(1), 2_000).map(expectedEnd)).not.toContain('stuck');
  });
});

describe('statistics', () => {
  it('give percentiles by nearest rank, bins that hold everything, and slopes', () => {
    const values = Array.from({ length: 100 }, (_, n) => 100 - n);
    expect([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1), percentile([], 0.5)]).toEqual([
      50,
      99,
      100,
      Number.NaN,
    ]);
    const bins = histogram(values, 7);
    expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(100);
    expect(
      slope([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
    ).toBeCloseTo(2);
  });

  it('are drawn with title, axes and units', () => {
    const line = linePlot(
      [
        {
          name: 'one & all',
          points: [
            [0, 1],
            [10, 20],
          ],
        },
        {
          name: 'two',
          points: [
            [0, 3],
            [10, 2],
          ],
        },
      ],
      { title: 'A < B', x: 'minutes', y: 'MiB', bands: [{ from: 2, to: 4, label: 'kill' }] },
    );
    for (const text of ['A &lt; B', 'minutes', 'MiB', 'one &amp; all', '<title>kill</title>', '>20<']) expect(line).toContain(text);
    const bars = histogramPlot([1, 2, 2, 3], { title: 'T', x: 'ms', y: 'sagas', bins: 3, marks: [{ at: 2, text: 'median' }] });
    expect(bars).toContain('median');
    expect(`${line}${bars}`).not.toMatch(/NaN|Infinity|undefined/);
    expect(linePlot([{ name: 'empty', points: [] }], { title: 'T', x: 'x', y: 'y' })).not.toMatch(/NaN|Infinity/);
  });

  it('lie as bars of several parts, with their sum and their spread', () => {
    const parts = (engine: number, broker: number) => [
      { name: 'engine', value: engine },
      { name: 'broker', value: broker },
    ];
    const bars = barPlot(
      [
        { name: 'ours', parts: parts(1, 2), spread: [2.5, 4] },
        { name: 'theirs & more', parts: parts(0, 12) },
      ],
      { title: 'CPU', x: 'seconds' },
    );
    for (const text of ['CPU', 'seconds', 'theirs &amp; more', '<title>ours, broker: 2</title>', '>3<', '>12<'])
      expect(bars).toContain(text);
    const widths = [...bars.matchAll(/<rect x="[\d.]+" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(widths).toHaveLength(4);
    expect(widths[3]! / widths[1]!).toBeCloseTo(6, 1);
    // Only the first one has a spread that can be seen.
    expect(bars.match(/<path/g)).toHaveLength(1);
    expect(`${bars}${barPlot([], { title: 'T', x: 'x' })}`).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('flags', () => {
  it('are read by their defaults, and all faults are named', () => {
    const flags = { sagas: 400, kill: false, build: '.', postgres: undefined };
    expect(readFlags(['--sagas', '10', '--kill'], flags)).toEqual({
      values: { sagas: 10, kill: true, build: '.', postgres: undefined },
      faults: [],
    });
    expect(readFlags(['--sagas', 'x', '--evil', '--build', 'rest', 'more'], flags).faults).toEqual([
      expect.stringContaining('no flag --evil'),
      `'more' is not understood`,
      `--sagas is 'x'; it must be a number of at least 0`,
    ]);
  });
});
