import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientLine, Manifest, Report } from '../kit/evidence.js';
import { readLines } from '../kit/files.js';
import { Installation, type InstallationOptions, type Servers } from '../kit/installation.js';
import { Load, type LoadOptions } from '../kit/load.js';
import { NemesisLog } from '../kit/nemesis-log.js';
import { mixedStarts } from '../kit/starts.js';
import { until } from '../kit/waiting.js';
import type { WorkloadName } from '../kit/workloads/all.js';
import type { Given } from './outcome.js';
import { answersSince, lastSagas, underWay, type Place } from './progress.js';
import { runChecker } from './verdict.js';

export interface StageOptions extends Omit<InstallationOptions, 'directory' | 'workloads'> {
  /** Of the participants, where it is not the daemons'. Default: the same. */
  readonly participantsUrl?: string;
  readonly workloads?: readonly WorkloadName[];
  /** Of the experiment; the folder of the evidence when there are several in one experiment. */
  readonly part?: string;
}

/**
 * An installation under load, in an experiment about servers that fail. Owns installation, load and evidence. Does not own the servers.
 */
export class Stage implements AsyncDisposable {
  /** Where sagas and ledgers are now; an experiment that moves them says so. */
  place: Place;
  /** Where the ledgers are when they are somewhere else. */
  ledgerUrl: string | undefined;
  readonly nemesis: NemesisLog;
  private readonly loads: { readonly load: Load; readonly done: Promise<unknown> }[] = [];
  private readonly workloads: readonly WorkloadName[];

  private constructor(
    readonly given: Given,
    readonly directory: string,
    readonly lab: Installation,
    options: StageOptions,
  ) {
    this.workloads = options.workloads ?? ['bank'];
    this.place = { url: lab.databaseUrl, namespace: lab.namespace };
    this.nemesis = new NemesisLog(directory);
  }

  /** Everything is up, and a first saga has ended. */
  static async open(given: Given, options: StageOptions): Promise<Stage> {
    const { part, participantsUrl, workloads = ['bank'], ...rest } = options;
    const directory = part === undefined ? given.directory : join(given.directory, part);
    rmSync(directory, { recursive: true, force: true });
    const env = participantsUrl === undefined ? {} : { env: { BACKSTEP_PARTICIPANTS_POSTGRES_URL: participantsUrl } };
    const lab = await Installation.open({ ...rest, ...env, directory, workloads });
    const stage = new Stage(given, directory, lab, options);
    stage.ledgerUrl = participantsUrl;
    try {
      await lab.start();
      lab.writeManifest({ experiment: 'failover', seed: given.seed });
      return stage;
    } catch (error: unknown) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts so many sagas a second until `calm`. */
  load(ratePerSecond: number, options: Partial<LoadOptions> = {}): Load {
    const load = new Load({
      api: this.lab.api,
      directory: this.directory,
      seed: this.given.seed,
      starts: mixedStarts(`${this.given.seed}/${this.loads.length}`, this.workloads),
      ratePerSecond,
      inFlight: 24,
      keyPrefix: `k${this.loads.length}`,
      firstNumber: this.loads.length * 1_000_000,
      ...options,
    });
    this.loads.push({ load, done: load.run() });
    return load;
  }

  /** So many more at once, and waits until some of them are under way: at a low rate a fault would often meet none. */
  async burst(count: number): Promise<void> {
    const starts = mixedStarts(`${this.given.seed}/${this.loads.length}`, this.workloads, { count });
    this.load(10_000, { starts, inFlight: count });
    await until('sagas are under way', async () => (await underWay(this.place)) >= count / 4, { withinMs: 10_000, everyMs: 5 });
  }

  /** Waits until sagas are flowing: so many answers are stored from now on. */
  async flows(answers = 20, withinMs = 60_000): Promise<void> {
    const since = Date.now();
    await until('sagas make progress', async () => (await answersSince(this.place, since)).length >= answers, { withinMs, everyMs: 50 });
  }

  /** The first answer that is stored after a moment; milliseconds since 1970. */
  async progressAfter(moment: number, withinMs = 60_000): Promise<number> {
    const find = async () => (await answersSince(this.place, moment))[0];
    return until(`an answer is stored after ${new Date(moment).toISOString()}`, find, { withinMs, everyMs: 50 });
  }

  /** Ends the load and waits until every saga has ended; gives how long that took, and of what has not ended how many. */
  async calm(withinMs: number): Promise<{ readonly ms: number; readonly left: number }> {
    const begun = performance.now();
    for (const { load } of this.loads) load.stop();
    await Promise.all(this.loads.map(({ done }) => done));
    let left = await underWay(this.place);
    while (left > 0 && performance.now() - begun < withinMs) {
      await delay(100);
      left = await underWay(this.place);
    }
    const ms = performance.now() - begun;
    writeFileSync(join(this.directory, 'last-sagas.txt'), await lastSagas(this.place));
    this.given.say(`${left === 0 ? 'all sagas have ended' : `${left} sagas have NOT ended`} ${Math.round(ms)} ms after the load`);
    return { ms, left };
  }

  /** What was answered 2xx, with when the answer came. */
  answered(): readonly { readonly id: string; readonly at: number }[] {
    return readLines<ClientLine>(join(this.directory, 'client.jsonl')).flatMap((line) =>
      line.op === 'ok' ? [{ id: line.id, at: line.at }] : [],
    );
  }

  /** The independent checker's verdict on everything until now. */
  async check(facts: Partial<Manifest> = {}): Promise<Report> {
    this.lab.writeManifest({
      healedAt: new Date().toISOString(),
      ledgerUrl: this.ledgerUrl ?? this.place.url,
      storeUrl: this.place.url,
      ...facts,
    });
    return runChecker(this.directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { load } of this.loads) load.stop();
    await this.lab.dispose();
    await Promise.all(this.loads.map(({ done }) => done));
    await this.nemesis.close();
  }
}

/** Servers that the installation takes as given: it leaves them as they are. */
export function serversAt(postgresUrl: string, rabbitmqUrl: string): Servers {
  return { postgresUrl, rabbitmqUrl, dispose: async () => {} };
}
