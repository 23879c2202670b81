import { setTimeout as delay } from 'node:timers/promises';
import type { NemesisLine } from '../kit/evidence.js';
import { Journal } from '../kit/files.js';
import type { Planned } from './schedule.js';
import type { Scene } from './scene.js';

/** A fault that is over, in milliseconds since 1970. */
export interface Befallen {
  readonly number: number;
  readonly kind: string;
  readonly rows: readonly string[];
  readonly beganAt: number;
  readonly endedAt: number;
  /** What went wrong with the fault itself. Its victim may have been down already; `end` was run all the same. */
  readonly trouble?: string;
  /** Proxy triggers say how often they fired; 0 is a fault that did not happen. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Nothing that one fault does may take longer: a hung one must not hold up the run. */
const PATIENCE_MS = 90_000;

/** How often a trigger that met nothing is tried again in the end. */
const ENCORES = 2;

/** Lets a schedule loose on a scene, and writes down what was done when. Owns no victim. */
export class Nemesis {
  readonly befallen: Befallen[] = [];
  private readonly busy = new Map<string, Promise<void>>();
  private isStopping = false;
  /** Planned, and not begun. */
  leftOut = 0;

  constructor(
    private readonly scene: Scene,
    private readonly journal: Journal,
    private readonly tell: (line: string) => void = () => {},
  ) {}

  /** Resolves when all of it is over. What could not begin by then, because others took longer than planned, is left out. */
  async run(schedule: readonly Planned[], endsAfterMs = Infinity): Promise<void> {
    const from = performance.now();
    setTimeout(() => this.stop(), Math.min(endsAfterMs, 2 ** 31 - 1)).unref();
    const under: Promise<void>[] = [];
    for (const planned of schedule) {
      const wait = planned.at * 1_000 - (performance.now() - from);
      if (wait > 0) await delay(wait);
      if (this.isStopping) break;
      under.push(this.inflict(planned));
    }
    await Promise.all(under);
  }
  /** Begins nothing new. */
  stop(): void {
    this.isStopping = true;
  }

  /** Triggers that never met their frame, because what they waited on was down, once more where nothing else is going on. */
  async encore(schedule: readonly Planned[]): Promise<void> {
    const hasFired = (kind: string) => this.befallen.some((one) => one.kind === kind && Number(one.detail['fired']) > 0);
    const isIdle = (kind: string) => this.befallen.some((one) => one.kind === kind && one.detail['fired'] === 0) && !hasFired(kind);
    for (let round = 1; round <= ENCORES; round++) {
      for (const planned of schedule) if (isIdle(planned.fault.kind)) await this.one(planned);
    }
  }

  /** One after the other for whatever two of them lay hands on: in reality faults last longer than planned. */
  private async inflict(planned: Planned): Promise<void> {
    const { touches } = planned.aim;
    const before = touches.flatMap((touched) => this.busy.get(touched) ?? []);
    this.leftOut++;
    const work = Promise.all(before).then(async () => {
      if (this.isStopping) return;
      this.leftOut--;
      await this.one(planned);
    });
    for (const touched of touches) this.busy.set(touched, work);
    await work;
  }

  private async one({ number, seconds, fault, aim }: Planned): Promise<void> {
    const { kind, rows } = fault;
    const line = (what: NemesisLine['what'], detail: unknown) =>
      this.journal.append({ at: Date.now(), fault: number, what, kind, rows, detail } satisfies NemesisLine);
    const beganAt = Date.now();
    const troubles: string[] = [];
    let detail: Record<string, unknown> = { ...aim.detail };
    await line('begin', detail);
    this.tell(`${kind} ${JSON.stringify(detail)}`);
    const attempt = async (phase: 'begin' | 'end') => {
      try {
        detail = { ...detail, ...(await inTime(aim[phase]())) };
      } catch (error: unknown) {
        troubles.push(`${phase}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
      }
    };
    await attempt('begin');
    const left = beganAt + seconds * 1_000 - Date.now();
    if (left > 0) await delay(left);
    await attempt('end');
    const endedAt = Date.now();
    const trouble = troubles.join('; ');
    await line('end', { ...detail, ...(trouble && { trouble }) });
    if (trouble) this.tell(`${kind}: ${trouble}`);
    this.befallen.push({ number, kind, rows, beganAt, endedAt, detail, ...(trouble && { trouble }) });
  }

  /** Whatever went wrong meanwhile: servers run, processes run, links are straight. */
  async heal(): Promise<void> {
    const { links, actors, database, broker } = this.scene;
    for (const { proxy } of links) proxy.heal();
    for (const server of [database, broker]) {
      await server.resume();
      await server.start();
    }
    // Every fault has made good what it did; where one could not, its broker is put right by hand.
    if (this.befallen.some(({ trouble }) => trouble !== undefined)) {
      await broker.ctl('start_app').catch(() => {});
      await broker.ctl('clear_policy', 'full').catch(() => {});
      await broker.ctl('set_vm_memory_high_watermark', '0.4');
      await broker.ctl('set_disk_free_limit', '50MB');
    }
    for (const actor of actors) {
      actor.resume();
      await actor.start();
      actor.misbehave({ skewMs: 0 });
    }
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = delay(PATIENCE_MS, undefined, { signal: timer.signal, ref: false }).then(
    () => Promise.reject(new Error(`not done after ${PATIENCE_MS / 1_000} s`)),
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}
