import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { until } from './waiting.js';

/**
 * The parent of the process. It holds the reading end of a pipe from us: however we die, the pipe closes and the process is killed, even one
 * that is stopped.
 */
const SUPERVISOR = `
log=$1; shift
exec 3<&0
"$@" </dev/null >>"$log" 2>&1 3<&- &
pid=$!
echo "started $pid"
( read -r _ <&3; kill -KILL $pid ) >/dev/null 2>&1 &
watcher=$!
wait $pid; code=$?
kill $watcher 2>/dev/null
echo "ended $code"
`;

/** How a process is run. */
export interface ProcessSpec {
  /** Unique among the processes of an experiment: `daemon-1`. */
  readonly name: string;
  /** Node's own arguments, e.g. `['--import', 'file.mjs']`. */
  readonly nodeArgs?: readonly string[];
  /** The program and its arguments. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where `logs/` is made. */
  readonly directory: string;
  /** It is up when its log has this. Absent: as soon as it runs. */
  readonly ready?: RegExp;
}

/** How a process ended. */
export interface Exit {
  /** `null`: ended by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A process that an experiment may treat badly, and start again under the same name; every start has a log of its own.
 * Invariant: it never outlives the experiment.
 */
export class LabProcess {
  /** How often it was started. */
  starts = 0;
  /** Of every run that is over. */
  readonly exits: Exit[] = [];
  private run: Run | undefined;

  constructor(readonly spec: ProcessSpec) {
    mkdirSync(join(spec.directory, 'logs'), { recursive: true });
  }

  get name(): string {
    return this.spec.name;
  }
  get isRunning(): boolean {
    return this.run !== undefined && !this.run.exit;
  }
  /** Throws where it does not run. */
  get pid(): number {
    if (!this.run || this.run.exit) throw new Error(`${this.name} does not run`);
    return this.run.pid;
  }
  /** Of the present or the last run. */
  get logFile(): string {
    return join(this.spec.directory, 'logs', `${this.name}.${this.starts}.log`);
  }
  get log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  /** Starts it and waits until it is up. `spec` replaces parts for this and later starts. */
  async start(spec: Partial<Pick<ProcessSpec, 'args' | 'env' | 'nodeArgs'>> & { readonly withinMs?: number } = {}): Promise<this> {
    await this.launch(spec);
    if (this.spec.ready) await this.says(this.spec.ready, spec.withinMs);
    return this;
  }

  /** Starts it without waiting for it to be up. */
  async launch(spec: Partial<Pick<ProcessSpec, 'args' | 'env' | 'nodeArgs'>> = {}): Promise<this> {
    if (this.isRunning) throw new Error(`${this.name} runs already (pid ${this.pid})`);
    const { args, env, nodeArgs } = { ...this.spec, ...spec };
    Object.assign(this.spec, { args, env, nodeArgs });
    this.starts++;
    this.run = await Run.begin([process.execPath, ...(nodeArgs ?? []), ...args], env ?? {}, this.logFile);
    void this.run.ended.then((exit) => this.exits.push(exit));
    return this;
  }

  /** Waits until the log of this run has the pattern, at least `times` times. Rejects when the process ends without it. */
  async says(pattern: RegExp, withinMs = 60_000): Promise<RegExpExecArray> {
    let seen = -1;
    const look = () => {
      const size = existsSync(this.logFile) ? statSync(this.logFile).size : 0;
      const hasEnded = !this.isRunning;
      if (size === seen && !hasEnded) return undefined;
      seen = size;
      const found = pattern.exec(this.log);
      if (!found && hasEnded) return 'ended';
      return found;
    };
    const found = await until(`${this.name} says ${String(pattern)} (${this.logFile})`, look, { withinMs });
    if (found === 'ended') throw new Error(`${this.name} ended without saying ${String(pattern)}:\n${this.log.slice(-2_000)}`);
    return found;
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<Exit> {
    return this.end('SIGKILL');
  }
  /** An orderly stop (SIGTERM); what has not ended after `withinMs` is killed, which its exit shows. */
  async stop(withinMs = 15_000): Promise<Exit> {
    const late = setTimeout(() => this.signal('SIGKILL'), withinMs);
    try {
      return await this.end('SIGTERM');
    } finally {
      clearTimeout(late);
    }
  }
  /** SIGSTOP: its connections stay open, nothing answers. */
  pause(): void {
    this.signal('SIGSTOP');
  }
  /** SIGCONT. */
  resume(): void {
    this.signal('SIGCONT');
  }
  /** Sent to the process by its id; nothing where it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.run!.signal(signal);
  }
  /** Kills it and starts it again. */
  async restart(): Promise<this> {
    if (this.isRunning) await this.kill();
    return this.start();
  }
  /** Resolves when the present run is over. */
  async ended(): Promise<Exit> {
    if (!this.run) throw new Error(`${this.name} was never started`);
    return this.run.ended;
  }

  private async end(signal: NodeJS.Signals): Promise<Exit> {
    if (!this.run) throw new Error(`${this.name} was never started`);
    this.signal(signal);
    // A stopped process takes SIGTERM only when it goes on.
    if (signal === 'SIGTERM') this.signal('SIGCONT');
    return this.run.ended;
  }
}

/** One run of a process, and the shell that watches over it. */
class Run {
  pid = 0;
  exit: Exit | undefined;
  readonly ended: Promise<Exit>;
  private readonly shell: ChildProcess;

  private constructor(command: readonly string[], env: Readonly<Record<string, string>>, log: string, onStarted: () => void) {
    this.shell = spawn('sh', ['-c', SUPERVISOR, 'supervisor', log, ...command], {
      detached: true, // Ctrl-C is for the experiment; the process goes when the pipe closes
      env: { ...plainEnvironment(), ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.shell.stdin!.on('error', () => {});
    this.ended = new Promise((done) => {
      const end = (exit: Exit) => {
        this.exit ??= exit;
        onStarted();
        done(this.exit);
      };
      createInterface({ input: this.shell.stdout! }).on('line', (line) => {
        const [word, number] = line.split(' ');
        if (word === 'started') {
          this.pid = Number(number);
          onStarted();
        } else end(exitOf(Number(number)));
      });
      this.shell.once('error', () => end({ code: 127, signal: null }));
      // Not 'exit': what the shell has said last may still be on its way then.
      this.shell.once('close', () => end({ code: null, signal: 'SIGKILL' }));
    });
  }

  static async begin(command: readonly string[], env: Readonly<Record<string, string>>, log: string): Promise<Run> {
    let started!: () => void;
    const isStarted = new Promise<void>((resolve) => (started = resolve));
    const run = new Run(command, env, log, started);
    await isStarted;
    return run;
  }

  signal(signal: NodeJS.Signals): void {
    try {
      process.kill(this.pid, signal);
    } catch (error: unknown) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** As a shell says it: above 128 it was a signal. */
function exitOf(status: number): Exit {
  if (status <= 128) return { code: status, signal: null };
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
  return { code: null, signal: (signal ?? 'SIGKILL') as NodeJS.Signals };
}

/** The product's own variables must not leak in from whoever runs the experiment. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('BACKSTEP_') && name !== 'NODE_OPTIONS'));
}

/** The `backstep` command of a build. A build is a folder with `dist/`, `package.json` and `node_modules`; default: this repository. */
export function backstepBin(build = '.'): string {
  const bin = resolve(build, 'dist/src/main/backstep.js');
  const missing = [bin, resolve(build, 'package.json'), resolve(build, 'node_modules')].filter((path) => !existsSync(path));
  if (missing.length > 0) throw new Error(`${resolve(build)} is no build: ${missing.join(', ')} missing`);
  return bin;
}
