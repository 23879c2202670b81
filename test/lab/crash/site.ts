import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Installation, type Servers } from '../kit/installation.js';
import { NemesisLog } from '../kit/nemesis-log.js';
import type { LabProcess } from '../kit/processes.js';
import { until } from '../kit/waiting.js';
import type { WorkloadName } from '../kit/workloads/all.js';
import { orderText, type Fired, type Order } from './order.js';

/** The sagas of this folder's own, beside the workloads that all experiments share. */
export const CROSSING = {
  name: 'crossing',
  folder: resolve('dist/test/lab/crash/sagas'),
  participants: ['quay', 'customs', 'captain'],
} as const;
export type SweepWorkload = WorkloadName | typeof CROSSING.name;
export const SWEEP_WORKLOADS: readonly SweepWorkload[] = ['bank', 'order', 'random', 'slow', CROSSING.name];

export interface SiteOptions {
  readonly servers: Servers;
  readonly directory: string;
  readonly workload: SweepWorkload;
  readonly daemons: number;
  readonly hosts: number;
  /** Messages are not signed: there are no keys for the sagas of a daemon that has others. */
  readonly withoutKeys?: boolean;
}

const HOOK = pathToFileURL(resolve('dist/test/lab/crash/hook.js')).href;
const ARMED_WITHIN_MS = 5_000;

/** An installation whose processes can be told where to die. Owns the installation and the folder in which they say that they did. */
export class Site {
  /** Messages that nobody can read, published so far. */
  rubbish = 0;
  readonly nemesis: NemesisLog;

  private constructor(
    readonly lab: Installation,
    readonly options: SiteOptions,
    private readonly folder: string,
  ) {
    this.nemesis = new NemesisLog(options.directory);
  }

  /** Kills what runs. */
  async dispose(): Promise<void> {
    await this.lab.dispose();
    await this.nemesis.close();
  }

  /** Makes database and schema; nothing runs yet. */
  static async open(options: SiteOptions): Promise<Site> {
    const folder = resolve(options.directory, 'orders');
    mkdirSync(folder, { recursive: true });
    const own = options.workload === CROSSING.name;
    const lab = await Installation.open({
      servers: options.servers,
      directory: options.directory,
      workloads: own ? [] : [options.workload as WorkloadName],
      ...(own ? { sagas: [CROSSING.folder], participants: CROSSING.participants } : {}),
      daemons: options.daemons,
      hosts: options.hosts,
      nodeArgs: ['--import', HOOK],
      env: { CRASH_FOLDER: folder },
      ...(options.servers.postgres && options.servers.rabbitmq
        ? { canaries: options.withoutKeys ? ('without-keys' as const) : ('all' as const) }
        : {}),
    });
    return new Site(lab, options, folder);
  }

  get participants(): readonly string[] {
    return this.options.workload === CROSSING.name ? CROSSING.participants : this.lab.participants;
  }
  /** What the manifest says of them. */
  get manifest() {
    const { namespace, queues } = this.lab;
    const commands = this.participants.map((participant) => `${namespace}.commands.${participant}`);
    return { participants: this.participants, queues: [queues.replies, queues.starts, ...commands] };
  }

  /** Gives a running process its order; resolves when it has taken it. */
  async arm(process: LabProcess, order: Order): Promise<void> {
    const { pid } = process;
    writeFileSync(this.file('order', pid), orderText(order));
    process.signal('SIGUSR2');
    await until(`${process.name} takes the order`, () => existsSync(this.file('armed', pid)), { withinMs: ARMED_WITHIN_MS, everyMs: 5 });
    renameSync(this.file('armed', pid), this.file('taken', pid));
  }

  /** Starts a process with its order; it may be gone before it is up. */
  async launchWith(process: LabProcess, order: Order): Promise<void> {
    const [what, at] = orderText(order).split(' ') as [string, string];
    await process.launch({ env: { ...process.spec.env, [what === 'kill' ? 'CRASH_AT' : 'STOP_AT']: at } });
  }

  /** What the process said before it was gone, or stopped. */
  fired(pid: number): Fired | undefined {
    const file = this.file('fired', pid);
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Fired) : undefined;
  }

  /** How often a running process has passed each point. */
  async passed(process: LabProcess): Promise<Readonly<Record<string, number>>> {
    const file = this.file('passed', process.pid);
    process.signal('SIGUSR2');
    await until(`${process.name} counts`, () => existsSync(file), { withinMs: ARMED_WITHIN_MS, everyMs: 5 });
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
  }

  private file(what: string, pid: number): string {
    return join(this.folder, `${what}.${pid}`);
  }
}
