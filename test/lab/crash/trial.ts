import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Chance } from '../kit/chance.js';
import { Load } from '../kit/load.js';
import type { LabProcess } from '../kit/processes.js';
import { until } from '../kit/waiting.js';
import { verdictOn } from './judge.js';
import type { Order } from './order.js';
import { isRare, nameOf, type Target } from './plan.js';
import { recoverySince, type Recovery } from './recovery.js';
import { cancelSome, publishRubbish } from './side-shows.js';
import type { Site } from './site.js';
import { startsOf } from './starts.js';

/** One point, one workload, one hit. */
export interface TrialSpec {
  readonly target: Target;
  readonly hit: number;
  /** Killed at the point again as soon as it has come back, so many times in all. Default 1. */
  readonly times?: number;
  /** Stopped for so long instead of killed. */
  readonly stopMs?: number;
}
export interface Outcome {
  readonly name: string;
  readonly spec: TrialSpec;
  readonly workload: string;
  readonly daemons: number;
  /** The process was at the point, and died (or stopped) there. */
  readonly isHit: boolean;
  readonly faults: readonly string[];
  readonly recovery: Recovery | undefined;
  readonly sagas: number;
  /** What the checker looked at. */
  readonly checked: number;
  readonly ms: number;
  /** Milliseconds that each part of it took. */
  readonly parts: Readonly<Partial<Record<Part, number>>>;
}
export const PARTS = ['until the kill', 'until it was back', 'until all had ended', 'the checker'] as const;
export type Part = (typeof PARTS)[number];

/** Starts per second, from before the kill until the process is back; at least and at most so many starts. */
const RATE = 40;
/** Where a point is to be passed again, and after a restart: the load lasts as long as that may take. */
const RATE_LATER = 12;
/** Where commands have to be together in one transaction. */
const RATE_TOGETHER = 400;
const MOST_SAGAS_LATER = 300;
const LEAST_SAGAS = 40;
const MOST_SAGAS = 60;
const HIT_WITHIN_MS = 40_000;
/** A machine may be slow; but something has to move on within this, which is longer than any gap between two sendings here. */
const QUIET_MS = 45_000;
const END_WITHIN_MS = 240_000;
/** Sagas are under way before the order is given. */
const WARM_UP = 5;

/** Runs one trial on a site whose processes run, and leaves them running. */
export async function runTrial(
  site: Site,
  spec: TrialSpec,
  {
    number,
    seed,
    isJudged,
  }: {
    readonly number: number;
    readonly seed: string;
    /** Whether the checker is asked; else all has to end. */ readonly isJudged: boolean;
  },
): Promise<Outcome> {
  const trial = new Trial(site, spec, `${seed}/${number}`, number);
  const began = performance.now();
  const faults: string[] = [];
  let isHit = false;
  try {
    const kind = spec.stopMs === undefined ? 'kill' : 'stop';
    isHit = await site.nemesis.during(kind, spec.target.rows, () => trial.run(), nameOf(spec.target));
    if (!isHit) faults.push(`the process never came to ${nameOf(spec.target)} for the ${spec.hit}. time`);
    else faults.push(...(await trial.judge(isJudged)));
  } catch (error: unknown) {
    faults.push(describe(error));
  }
  const { workload, daemons } = site.options;
  const { sagas, recovery, checked, parts } = trial;
  return {
    name: nameOf(spec.target),
    spec,
    workload,
    daemons,
    isHit,
    faults,
    recovery,
    sagas,
    checked,
    parts,
    ms: performance.now() - began,
  };
}

class Trial {
  recovery: Recovery | undefined;
  checked = 0;
  readonly parts: Partial<Record<Part, number>> = {};
  private lapAt = performance.now();
  private readonly chance: Chance;
  private readonly load: Load;
  private firedAt = 0;

  constructor(
    private readonly site: Site,
    private readonly spec: TrialSpec,
    private readonly seed: string,
    number: number,
  ) {
    this.chance = new Chance(seed);
    const isTogether = spec.target.need === 'conflict';
    const isLater = spec.hit > 1 || (spec.times ?? 1) > 1 || isTogether;
    this.load = new Load({
      // A daemon that does not know the sagas would refuse them.
      api: spec.target.need === 'stranger' ? site.lab.api.slice(0, 1) : () => site.lab.running,
      directory: site.options.directory,
      seed,
      starts: atMost(isLater || isRare(spec.target.need) ? MOST_SAGAS_LATER : MOST_SAGAS, startsOf(site.options.workload, seed)),
      inFlight: isTogether ? 64 : 24,
      ratePerSecond: isTogether ? RATE_TOGETHER : isLater ? RATE_LATER : RATE,
      retryAfterMs: 300,
      keyPrefix: `t${number}`,
      firstNumber: number * 100_000,
    });
  }

  get sagas(): number {
    return this.load.counts.begun;
  }

  /** False: the point was not passed. */
  async run(): Promise<boolean> {
    const { lab } = this.site;
    const { victim: kind, need } = this.spec.target;
    const victim = need === 'stranger' ? lab.daemons[1]! : this.chance.pick(kind === 'daemon' ? lab.daemons : lab.hosts);
    const loading = this.load.run();
    try {
      await until('sagas are under way', () => this.load.counts.ok >= WARM_UP, { everyMs: 10 });
      const isHit = need === 'boot' ? await this.atBoot(victim) : await this.whileRunning(victim);
      this.lap('until the kill');
      if (!victim.isRunning) await lab.run(victim);
      else if (!isHit) await lab.restart(victim);
      if (isHit) await until('enough sagas are started', () => this.load.counts.begun >= LEAST_SAGAS);
      this.lap('until it was back');
      return isHit;
    } finally {
      this.load.stop();
      await loading;
    }
  }

  /** What is wrong now that everything should have ended. */
  async judge(isJudged: boolean): Promise<readonly string[]> {
    const { lab } = this.site;
    lab.writeManifest({ healedAt: new Date().toISOString() });
    const open = await openSagas(this.site);
    this.lap('until all had ended');
    if (open.length > 0) return [`${open.length} sagas do not end, e.g. ${open.slice(0, 3).join(', ')}`];
    this.recovery = await recoverySince(this.site, this.firedAt);
    if (!isJudged) return [];
    const { faults, checked } = await verdictOn(this.site);
    this.checked = checked;
    this.lap('the checker');
    return faults;
  }

  private lap(part: Part): void {
    const now = performance.now();
    this.parts[part] = now - this.lapAt;
    this.lapAt = now;
  }

  private async atBoot(victim: LabProcess): Promise<boolean> {
    if (victim.isRunning) await victim.kill();
    for (let time = 0; time < (this.spec.times ?? 1); time++) if (!(await this.diesAtBoot(victim))) return false;
    return true;
  }

  private async whileRunning(victim: LabProcess): Promise<boolean> {
    // It may be gone as soon as it has its order.
    const { pid } = victim;
    await this.site.arm(victim, this.order());
    const side = this.sideShow();
    try {
      if (this.spec.stopMs !== undefined) return await this.stops(victim, pid, this.spec.stopMs);
      if (!(await this.dies(victim, pid))) return false;
      // A process that dies at the same place as soon as it is back, and at last does not.
      for (let time = 1; time < (this.spec.times ?? 1); time++) if (!(await this.diesAtBoot(victim))) return false;
      return true;
    } finally {
      await side.end();
    }
  }

  private async diesAtBoot(victim: LabProcess): Promise<boolean> {
    await this.site.launchWith(victim, { ...this.order(), hit: 1 });
    return this.dies(victim, victim.pid);
  }

  private async dies(victim: LabProcess, pid: number): Promise<boolean> {
    const over = new AbortController();
    const late = delay(HIT_WITHIN_MS, 'late' as const, { signal: over.signal }).catch(() => 'late' as const);
    const exit = await Promise.race([victim.ended(), late]);
    over.abort();
    const fired = this.site.fired(pid);
    if (exit === 'late' || !fired) {
      if (exit !== 'late') throw new Error(`${victim.name} ended with ${exit.code ?? exit.signal}, not by its order (${victim.logFile})`);
      return false;
    }
    if (exit.signal !== 'SIGKILL' || fired.point !== this.spec.target.point)
      throw new Error(`${victim.name} died otherwise than it was told`);
    this.firedAt = fired.at;
    return true;
  }

  private async stops(victim: LabProcess, pid: number, ms: number): Promise<boolean> {
    const fired = await until('it stops', () => this.site.fired(pid), { withinMs: HIT_WITHIN_MS }).catch(() => undefined);
    if (!fired) return false;
    this.firedAt = fired.at;
    await delay(ms);
    victim.resume();
    return true;
  }

  private order(): Order {
    const { target, hit, stopMs } = this.spec;
    return { what: stopMs === undefined ? 'kill' : 'stop', point: target.point, hit, ms: stopMs ?? 0 };
  }

  /** What has to happen beside the load, until the point is passed. */
  private sideShow(): { end(): Promise<void> } {
    const { need } = this.spec.target;
    if (need === 'rubbish') return publishRubbish(this.site);
    if (need === 'operator') return cancelSome(this.site);
    return { end: async () => {} };
  }
}

function* atMost<T>(count: number, source: Iterable<T>): Generator<T> {
  let n = 0;
  for (const one of source) {
    if (++n > count) return;
    yield one;
  }
}

/** Sagas that do not end, though they are given time as long as something moves on; what is known of them is put beside the evidence. */
async function openSagas({ lab, options }: Site): Promise<string[]> {
  const api = lab.client();
  const giveUpAt = performance.now() + END_WITHIN_MS;
  for (let seen = '', since = performance.now(); ;) {
    const open = await api.sagas({ status: ['running', 'compensating', 'suspended', 'stuck'] });
    if (open.length === 0) return [];
    const [moved] = await lab.query<{ entries: string }>(`select count(*) as entries from ${lab.namespace}.saga_history`);
    if (moved!.entries !== seen) [seen, since] = [moved!.entries, performance.now()];
    if (performance.now() - since > QUIET_MS || performance.now() > giveUpAt) {
      const shown = await Promise.all(
        open.slice(0, 5).map(async ({ id }) => ({ saga: await api.show(id), history: await api.history(id) })),
      );
      writeFileSync(join(options.directory, 'open.json'), JSON.stringify(shown, undefined, 2));
      return open.map(({ id, status }) => `${id} (${status})`);
    }
    await delay(200);
  }
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${describe(error.cause)})`;
}
