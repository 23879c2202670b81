import { setTimeout as delay } from 'node:timers/promises';
import { check } from '../checker/check.js';
import { unackedBy } from '../checker/gather.js';
import { PLAIN_START, tail } from '../checker/tail.js';
import { BankWatch } from '../kit/bank-watch.js';
import { Chance } from '../kit/chance.js';
import type { InvariantResult, Report } from '../kit/evidence.js';
import { Journal } from '../kit/files.js';
import { Load } from '../kit/load.js';
import { Meddler, Operator } from '../kit/operators.js';
import { writeResult, type Result } from '../kit/results.js';
import { join } from 'node:path';
import { FAULTS } from './catalogue.js';
import { diagnose } from './diagnosis.js';
import type { Flags } from './flags.js';
import { Nemesis, type Befallen } from './nemesis.js';
import { NEED_LEDGERS, ownProof, undoneInReverse } from './own-checks.js';
import { classes, counted, page } from './page.js';
import { Progress, recoveries } from './progress.js';
import { schedule } from './schedule.js';
import { Stage } from './stage.js';
import type { Subject } from './subject.js';

export interface ChaosOptions {
  readonly flags: Flags;
  readonly directory: string;
  readonly subject: Subject;
  /** The command that does it once more. */
  readonly again: string;
}

/** Quiet before the first fault and after the last one, under load. */
const CALM_MS = 4_000;
/** After the last fault every saga has so long to end: the second copy of a lost command may come only then. */
const END_WITHIN_MS = 120_000;
/** Of timers outside of faults; there are few such instants in here, and the machine has other things to do. */
const LATENESS_MS = 5_000;
/** What has to have happened, or the run was in vain; as the checker counts. */
const WANTED: readonly string[] = [
  'history resent',
  'history timed-out',
  'history duplicate-reply',
  'history late-reply',
  'history outdated-reply',
  'error replies',
  'further attempts',
  'stored refusals',
  'tombstones',
  'empty compensations',
  'unknown starts',
  'unknown starts that had not happened',
];
/** A run that is shorter, or has not all faults, is held to what its faults show. */
const WHOLE_MINUTES = 3;

export class ChaosRun {
  private nemesis: Nemesis | undefined;
  private readonly startedAt = new Date();

  constructor(private readonly options: ChaosOptions) {}

  /** Begins no further fault; the run goes to its end. */
  stop(): void {
    this.nemesis?.stop();
  }

  /** From the first server's start to the checker's verdict. */
  async run(): Promise<{ readonly ok: boolean; readonly text: string }> {
    const { flags, subject, directory } = this.options;
    console.log(`seed ${flags.seed}: ${flags.minutes} minutes of faults over ${subject.title}`);
    const began = performance.now();
    const stage = await Stage.open({ ...subject.installation, directory, daemons: flags.daemons, saga: subject.saga, logLevel: 'info' });
    await using _ = stage;
    const { installation } = stage;
    const manifest = {
      experiment: 'chaos',
      seed: flags.seed,
      endWithinMs: END_WITHIN_MS,
      ...(subject.hasLedgers ? {} : { participants: [] }),
    };
    installation.writeManifest(manifest);
    this.say(began, 'up');
    const progress = new Progress(installation.databaseUrl, subject.progress(installation.namespace), installation.namespace);
    progress.start();
    const load = new Load({
      api: () => installation.api,
      directory,
      seed: flags.seed,
      starts: subject.starts(flags.seed),
      ratePerSecond: flags.load,
      inFlight: 64,
      mayBegin: () => progress.hasRoom(flags.open),
      retryAfterMs: 500,
      timeoutMs: 8_000,
    });
    const bank = subject.hasLedgers ? new BankWatch(installation.databaseUrl, directory).start() : undefined;
    const loading = load.run();
    const meddler = new Meddler(new Operator(installation.client(), directory)).start();
    await delay(CALM_MS);
    const befallen = await this.trouble(stage, () => this.line(began, load, progress));
    const healedAt = new Date();
    this.say(began, `healed after ${befallen.length} faults; ${load.counts.begun} sagas begun`);
    await delay(CALM_MS);
    await meddler.stop();
    load.stop();
    await loading;
    installation.writeManifest({
      healedAt: healedAt.toISOString(),
      injectedRubbish: stage.injected,
      wanted: this.wanted(befallen),
    });
    const open = await untilEnded(stage, END_WITHIN_MS - (Date.now() - healedAt.getTime()));
    this.say(began, open === 0 ? 'all have ended' : `${open} have not ended`);
    if (open > 0) for (const line of await diagnose(stage, directory)) console.log(`         ${line}`);
    await progress.stop();
    const lastEndMs = Date.now() - healedAt.getTime();
    if (subject.hasLedgers && open === 0) await tail(installation.api, directory, PLAIN_START);
    await bank?.stop();
    const checked = await check(directory, {
      quiet: true,
      unacked: unackedBy(stage.scene.broker),
      mayRunOut: true,
      latenessMs: LATENESS_MS,
      ...(subject.hasLedgers ? {} : { without: NEED_LEDGERS }),
    });
    const report = subject.hasLedgers ? checked : withResult(checked, await undoneInReverse(installation));
    const proven = subject.proof ? await ownProof(installation, subject.proof) : [];
    this.say(began, 'checked');
    const unseen = unfelt(befallen, stage.seen);
    const vain = unfired(befallen);
    // Somebody's own inputs may be used up before a fault meets anything; the laboratory's load never ends.
    const complaints = [...proven, ...(subject.hasLedgers ? vain : []), ...surprises(stage)];
    // A fast machine may not feel a fault of seconds: said, and no failure.
    const remarks = subject.hasLedgers ? unseen : [...vain, ...unseen];
    for (const actor of stage.actors) actor.release();
    const stopping = await installation.stop();
    complaints.push(...stopping.map((text) => `after SIGTERM ${text}`));
    const ok = report.ok && complaints.length === 0;
    const times = recoveries(befallen, progress.samples);
    const seconds = Math.round((performance.now() - began) / 1_000);
    const figures = {
      seed: flags.seed,
      'seconds in all': seconds,
      'sagas started': load.counts.begun,
      'starts without an answer': load.counts.unknown,
      faults: befallen.length,
      kinds: new Set(befallen.map(({ kind }) => kind)).size,
      'faults left out': this.nemesis?.leftOut ?? 0,
      'effects of participants': progress.effects,
      'rubbish injected': stage.injected,
      'all ended after the last fault, s': Math.round(lastEndMs / 100) / 10,
      'processes that ended unasked': stage.actors.reduce((sum, { surprises: all }) => sum + all.length, 0),
    };
    this.write({
      ok,
      report,
      complaints,
      befallen,
      figures,
      seen: { ...stage.fired, ...stage.seen },
      seconds,
      times,
      samples: progress.samples,
    });
    const title = `Chaos, seed ${flags.seed}: ${ok ? 'everything holds' : 'FAILED'}`;
    const text = [
      page({ title, befallen, fired: stage.fired, seen: stage.seen, recoveries: times, report, figures }),
      ...complaints.map((one) => `  ! ${one}`),
      ...remarks.map((one) => `  (${one})`),
    ];
    return { ok, text: text.join('\n') };
  }

  private async trouble(stage: Stage, status: () => string): Promise<readonly Befallen[]> {
    const { flags, directory } = this.options;
    const { scene } = stage;
    const journal = new Journal(join(directory, 'nemesis.jsonl'));
    this.nemesis = new Nemesis(scene, journal, (line) => flags.verbose && console.log(`    ${line}`));
    const plan = schedule(scene, new Chance(flags.seed).fork('nemesis'), flags);
    const ticker = setInterval(() => console.log(status()), 15_000);
    try {
      await this.nemesis.run(plan, flags.minutes * 60_000);
      await this.nemesis.encore(plan);
      await this.nemesis.heal();
    } finally {
      clearInterval(ticker);
      await journal.close();
    }
    return this.nemesis.befallen;
  }

  private wanted(befallen: readonly Befallen[]): readonly string[] {
    const { flags, subject } = this.options;
    if (!subject.hasLedgers) return [];
    const isWhole = flags.minutes >= WHOLE_MINUTES && flags.faults.length === FAULTS.length;
    const shown = FAULTS.flatMap(({ kind, shows }) => (shows !== undefined && befallen.some((one) => one.kind === kind) ? [shows] : []));
    return [...(isWhole ? WANTED : []), ...new Set(shown)];
  }

  private write(done: {
    readonly ok: boolean;
    readonly report: Report;
    readonly complaints: readonly string[];
    readonly befallen: readonly Befallen[];
    readonly figures: Result['figures'];
    readonly seen: Readonly<Record<string, number>>;
    readonly seconds: number;
    readonly times: readonly { readonly ms: number }[];
    readonly samples: readonly { readonly at: number; readonly effects: number }[];
  }): void {
    const { ok, report, befallen } = done;
    const rows: Record<string, { passed: number; failed: number; note?: string }> = {};
    for (const { rows: of, detail } of befallen) {
      // A trigger that did not fire has exercised nothing.
      if (detail['fired'] === 0) continue;
      for (const row of of) {
        const result = (rows[row] ??= { passed: 0, failed: 0, note: 'chaos' });
        result[ok ? 'passed' : 'failed']++;
      }
    }
    for (const { id, checked, violationCount } of report.invariants)
      rows[id] = { passed: Math.max(0, checked - violationCount), failed: violationCount };
    const from = done.samples[0]?.at ?? 0;
    const perSecond = new Map<number, number>();
    for (const { at, effects } of done.samples) perSecond.set(Math.floor((at - from) / 1_000), effects);
    writeResult({
      experiment: this.options.subject.hasLedgers ? 'chaos' : 'chaos-own',
      command: this.options.again,
      seed: this.options.flags.seed,
      startedAt: this.startedAt.toISOString(),
      seconds: done.seconds,
      passed: report.invariants.filter(({ violationCount, checked }) => violationCount === 0 && checked > 0).length,
      failed: report.invariants.filter(({ violationCount }) => violationCount > 0).length + done.complaints.length,
      failures: [
        ...report.invariants.flatMap(({ id, violations }) => violations.map((violation) => `${id}: ${violation}`)),
        ...done.complaints,
        ...(ok ? [] : [`again: ${this.options.again}`]),
      ],
      figures: {
        ...done.figures,
        ...Object.fromEntries(Object.entries(report.counters).map(([name, count]) => [`counter ${name}`, count])),
        ...Object.fromEntries(Object.entries(report.ends).map(([name, count]) => [`sagas ${name}`, count])),
        ...Object.fromEntries(Object.entries(done.seen).map(([sighting, count]) => [`seen ${sighting}`, count])),
        ...Object.fromEntries(counted(befallen.map(({ kind }) => kind)).map(([kind, count]) => [`fault ${kind}`, count])),
      },
      rows,
      series: {
        'recovery, ms': classes(done.times.map(({ ms }) => ms)).map(([edge, count]) => [Number.isFinite(edge) ? edge : 60_000, count]),
        'effects, total by second': [...perSecond].toSorted(([a], [b]) => a - b),
        'faults, kind number by second': befallen.map(({ beganAt, number }) => [Math.round((beganAt - from) / 1_000), number]),
      },
    });
  }

  private say(began: number, text: string): void {
    console.log(`${String(Math.round((performance.now() - began) / 1_000)).padStart(5)} s  ${text}`);
  }
  private line(began: number, load: Load, progress: Progress): string {
    const seconds = String(Math.round((performance.now() - began) / 1_000)).padStart(5);
    return `${seconds} s  ${this.nemesis?.befallen.length ?? 0} faults over, ${load.counts.ok} sagas started, ${progress.effects} effects`;
  }
}

/** Triggers that were armed again and again and never met their frame. */
function unfired(befallen: readonly Befallen[]): string[] {
  const armed = befallen.filter(({ detail }) => 'fired' in detail);
  const fired = new Set(armed.flatMap(({ kind, detail }) => (Number(detail['fired']) > 0 ? [kind] : [])));
  return [...new Set(armed.map(({ kind }) => kind))].flatMap((kind) =>
    fired.has(kind) ? [] : [`in vain: ${kind} was armed and never fired`],
  );
}
/** Faults of which nobody felt anything. */
function unfelt(befallen: readonly Befallen[], seen: Readonly<Record<string, number>>): string[] {
  return FAULTS.flatMap(({ kind, sees }) =>
    sees !== undefined && seen[sees] === 0 && befallen.some((one) => one.kind === kind && one.trouble === undefined)
      ? [`in vain: after ${kind} nothing was ${sees}`]
      : [],
  );
}

function withResult(report: Report, result: InvariantResult): Report {
  const invariants = [...report.invariants, result].toSorted((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
  return { ...report, ok: report.ok && result.violationCount === 0, invariants };
}

/** Gives how many have not ended when the time is up. */
async function untilEnded({ installation }: Stage, withinMs: number): Promise<number> {
  const ask = `select count(*) as n from "${installation.namespace}".saga where ended_at is null and status <> 'stuck'`;
  for (const giveUpAt = performance.now() + withinMs; ; await delay(250)) {
    const [row] = await installation.query<{ n: string }>(ask);
    const open = Number(row?.n ?? 0);
    if (open === 0 || performance.now() > giveUpAt) return open;
  }
}

/** Ends that nobody asked for. 5 is none of a program's faults: it waited for its database for 30 s, and said that it cannot be reached. */
function surprises({ actors }: Stage): string[] {
  return actors.flatMap(({ name, surprises: all }) =>
    all.filter((code) => code !== '5').map((code) => `${name} ended by itself with ${code}`),
  );
}
