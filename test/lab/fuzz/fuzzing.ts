import { Chance } from '../kit/chance.js';
import type { Result } from '../kit/results.js';
import { said, Violation, type Entrance, type Findings, type Sample } from './entrance.js';
import { HeapWatch } from './heap-watch.js';
import { mustBeUnpolluted } from './oracle.js';
import { real } from './real.js';
import { checkSamples } from './samples.js';
import { shown, shrunk } from './shrink.js';
import { warmUp } from './values.js';

export interface FuzzingOptions {
  readonly inputs: number;
  readonly seed: number;
  /** One case alone, to see it again. */
  readonly number: number | undefined;
  /** Where samples of what was stored are stored again; absent: a server of one's own. */
  readonly postgres: string | undefined;
  readonly rabbitmq: string | undefined;
  /** Inputs end to end on real servers. */
  readonly real: number;
}
interface Failure {
  readonly entrance: string;
  readonly rule: string;
  readonly text: string;
}

/** After so many different failures of one entrance the next one is looked at. */
const ENOUGH = 5;
/** A batch that takes longer than this hangs. */
const PATIENCE_MS = 120_000;
const SAMPLES = 400;

/**
 * One run: every entrance gets its share of the inputs, batch by batch. A failure is looked for in its batch, alone, and made smaller.
 * Owns: the counts, the failures, the samples. Does not own: worlds, which are the entrances' sessions.
 */
export class Fuzzing implements Findings {
  readonly samples: Sample[] = [];
  private readonly counts = new Map<string, number>();
  private readonly failures: Failure[] = [];
  private readonly fed = new Map<string, { inputs: number; seconds: number; failed: number }>();
  private readonly heap = new HeapWatch();
  private offered = 0;
  /** Seconds of CPU time. */
  private work = 0;
  /** What nobody has waited for or caught since it was last looked at. */
  private strays: string[] = [];

  constructor(
    private readonly entrances: readonly Entrance[],
    private readonly options: FuzzingOptions,
  ) {
    process.on('unhandledRejection', (error: unknown) => this.strays.push(`a rejection that nobody handles: ${said(error)}`));
    process.on('uncaughtException', (error: unknown) => this.strays.push(`an exception that nobody catches: ${said(error)}`));
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** Of many, some from everywhere: the first, then ever fewer. */
  keep(sample: Sample): void {
    this.offered++;
    if (this.samples.length < SAMPLES) this.samples.push(sample);
    else {
      const at = (this.offered * 7_919) % this.offered === 0 ? this.offered % (SAMPLES * 8) : (this.offered * 7_919) % (SAMPLES * 8);
      if (at < SAMPLES) this.samples[at] = sample;
    }
  }

  async run(): Promise<Result> {
    const startedAt = new Date();
    warmUp();
    const shares = this.entrances.reduce((sum, { share }) => sum + share, 0);
    for (const entrance of this.entrances) {
      if (this.options.number !== undefined) await this.again(entrance, this.options.number);
      else if (this.options.inputs > 0) await this.all(entrance, Math.max(1, Math.round((this.options.inputs * entrance.share) / shares)));
    }
    if (this.options.number === undefined && this.samples.length > 0) {
      const violations = await checkSamples(this.samples, this.options.postgres, this);
      for (const { rule, message } of violations.slice(0, ENOUGH)) this.report({ entrance: 'samples', rule, text: message });
    }
    if (this.options.real > 0 && this.options.number === undefined) await this.endToEnd();
    const leak = this.heap.verdict();
    if (leak !== undefined && this.options.number === undefined) this.report({ entrance: 'all', rule: 'memory grows', text: leak });
    return this.result(startedAt);
  }

  private async endToEnd(): Promise<void> {
    const { real: inputs, seed } = this.options;
    const begun = performance.now();
    const violations = await real({ ...this.options, inputs }, this);
    this.fed.set('real', { inputs, seconds: (performance.now() - begun) / 1_000, failed: violations.length });
    for (const { rule, message } of violations.slice(0, ENOUGH))
      this.report({ entrance: 'real', rule, text: `${message}\nsee it again: npm run fuzz -- --inputs 0 --real ${inputs} --seed ${seed}` });
    process.stdout.write(
      `real         ${String(inputs).padStart(8)} inputs ${((performance.now() - begun) / 1_000).toFixed(1).padStart(6)} s  ${violations.length === 0 ? 'ok' : `${violations.length} VIOLATIONS`}\n`,
    );
  }

  private async all(entrance: Entrance, inputs: number): Promise<void> {
    const begun = performance.now();
    const worked = process.cpuUsage();
    const tally = { inputs: 0, seconds: 0, failed: 0 };
    this.fed.set(entrance.name, tally);
    const watch = this.heap.of(entrance.name, inputs);
    for (let first = 0; tally.inputs < inputs && tally.failed < ENOUGH; first += entrance.batch) {
      const numbers = Array.from({ length: entrance.batch }, (_, at) => first + at);
      const cases = numbers.map((number) => this.caseOf(entrance, number));
      const violation = await this.violationOf(entrance, cases);
      tally.inputs += cases.reduce<number>((sum, one) => sum + (entrance.inputsIn?.(one) ?? 1), 0);
      if (violation) {
        tally.failed++;
        if (!this.isKnown(entrance, violation)) await this.explain(entrance, numbers, violation);
      }
      watch(tally.inputs);
    }
    tally.seconds = (performance.now() - begun) / 1_000;
    const { user, system } = process.cpuUsage(worked);
    const work = (user + system) / 1e6;
    this.work += work;
    const row = [
      entrance.name.padEnd(12),
      `${tally.inputs}`.padStart(8),
      'inputs',
      tally.seconds.toFixed(1).padStart(6),
      's',
      work.toFixed(1).padStart(6),
    ];
    process.stdout.write(`${row.join(' ')} s of work  ${tally.failed === 0 ? 'ok' : `${tally.failed} VIOLATIONS`}\n`);
  }

  private async again(entrance: Entrance, number: number): Promise<void> {
    const tally = { inputs: 1, seconds: 0, failed: 0 };
    this.fed.set(entrance.name, tally);
    const one = this.caseOf(entrance, number);
    process.stdout.write(`case ${number} of ${entrance.name}:\n${shown(one)}\n`);
    const violation = await this.violationOf(entrance, [one]);
    if (!violation) return void process.stdout.write('nothing is wrong with it\n');
    tally.failed++;
    await this.explain(entrance, [number], violation);
  }

  private caseOf(entrance: Entrance, number: number): unknown {
    return entrance.make(new Chance(`${this.options.seed}/${entrance.name}/${number}`), number);
  }

  /** In a world of its own. */
  private async violationOf(entrance: Entrance, cases: readonly unknown[], found: Findings = this): Promise<Violation | undefined> {
    this.strays = [];
    try {
      const session = await entrance.open();
      try {
        await inTime(session.feed(cases, found));
      } finally {
        await session.close();
      }
      mustBeUnpolluted();
    } catch (error: unknown) {
      return error instanceof Violation ? error : new Violation(`unexpected: ${nameOf(error)}`, said(error));
    } finally {
      Reflect.deleteProperty(Object.prototype, 'polluted');
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
    const [stray] = this.strays;
    return stray === undefined ? undefined : new Violation('nobody handles it', stray);
  }

  /** Finds the case that is to blame, makes it smaller, and says how to see it again. */
  private async explain(entrance: Entrance, numbers: readonly number[], violation: Violation): Promise<void> {
    const quiet: Findings = { count: () => undefined, keep: () => undefined };
    const fails = async (cases: readonly unknown[]) => (await this.violationOf(entrance, cases, quiet))?.rule === violation.rule;
    let culprit: number | undefined;
    for (const number of numbers) {
      if (!(await fails([this.caseOf(entrance, number)]))) continue;
      culprit = number;
      break;
    }
    const first = culprit === undefined ? numbers.map((number) => this.caseOf(entrance, number)) : [this.caseOf(entrance, culprit)];
    const least = await shrunk(first, async (candidate) => candidate.length > 0 && fails(candidate));
    const last = (await this.violationOf(entrance, least, quiet)) ?? violation;
    const how =
      culprit === undefined
        ? `only together with others: npm run fuzz -- --seed ${this.options.seed} --only ${entrance.name} --inputs ${numbers.at(-1)! + 1}`
        : `npm run fuzz -- --seed ${this.options.seed} --only ${entrance.name} --case ${culprit}`;
    this.report({
      entrance: entrance.name,
      rule: violation.rule,
      text: `${last.message}\nthe smallest input found:\n${shown(least.length === 1 ? least[0] : least)}\nsee it again: ${how}`,
    });
  }

  /** One of each kind is explained, the others are counted. */
  private isKnown(entrance: Entrance, { rule }: Violation): boolean {
    return this.failures.some((failure) => failure.entrance === entrance.name && failure.rule === rule);
  }

  private report(failure: Failure): void {
    this.failures.push(failure);
    process.stdout.write(`\nVIOLATION at ${failure.entrance}: ${failure.rule}\n${failure.text}\n\n`);
  }

  private result(startedAt: Date): Result {
    const { seed, inputs } = this.options;
    const passed = [...this.fed.values()].reduce((sum, tally) => sum + tally.inputs, 0);
    const rows: Record<string, { passed: number; failed: number }> = {};
    for (const { name, rows: ids } of this.entrances) {
      const tally = this.fed.get(name);
      if (!tally) continue;
      for (const id of ids) {
        const row = (rows[id] ??= { passed: 0, failed: 0 });
        row.passed += tally.inputs - tally.failed;
        row.failed += tally.failed;
      }
    }
    return {
      experiment: 'fuzz',
      command: `npm run fuzz -- --inputs ${inputs} --seed ${seed}`,
      seed,
      startedAt: startedAt.toISOString(),
      seconds: (Date.now() - startedAt.getTime()) / 1_000,
      passed: passed - this.failures.length,
      failed: this.failures.length,
      failures: this.failures.map(({ entrance, rule, text }) => `${entrance}: ${rule}\n${text}`),
      figures: {
        inputs: passed,
        'CPU seconds': Math.round(this.work * 10) / 10,
        ...Object.fromEntries([...this.fed].map(([name, tally]) => [`inputs at ${name}`, tally.inputs])),
        ...Object.fromEntries([...this.counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
        ...this.heap.figures(),
      },
      rows,
    };
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Violation('hangs', `nothing after ${PATIENCE_MS / 1_000} s`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
