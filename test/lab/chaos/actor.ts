import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { LabProcess } from '../kit/processes.js';
import type { Actor, Misbehaviour } from './scene.js';

const RESTART_AFTER_MS = 500;

/**
 * A process with a supervisor, as in production: what ends although nobody asked it to is started again. Owns whether it should run; the
 * process itself is the installation's.
 */
export class SupervisedActor implements Actor {
  /** Ends that nobody had asked for, with how: `1`, `SIGABRT`. A daemon that has lost its database for too long may do that. */
  readonly surprises: string[] = [];
  private shouldRun = true;
  private changing: Promise<unknown> = Promise.resolve();

  /** `process` runs already. `folder` is what `LAB_MISBEHAVE` names. */
  constructor(
    private readonly process: LabProcess,
    readonly role: Actor['role'],
    private readonly folder: string,
  ) {
    void this.watch();
  }

  get name(): string {
    return this.process.name;
  }

  async kill(): Promise<void> {
    this.shouldRun = false;
    await this.oneByOne(async () => void (this.process.isRunning && (await this.process.kill())));
  }
  async terminate(): Promise<void> {
    this.shouldRun = false;
    await this.oneByOne(async () => void (this.process.isRunning && (await this.process.stop())));
  }
  async start(): Promise<void> {
    this.shouldRun = true;
    await this.oneByOne(async () => {
      if (this.process.isRunning || !this.shouldRun) return;
      await this.process.launch();
      void this.watch();
    });
  }
  /** From now on an end is no surprise. */
  release(): void {
    this.shouldRun = false;
  }
  pause(): void {
    this.process.pause();
  }
  resume(): void {
    this.process.resume();
  }
  misbehave(order: Misbehaviour): void {
    if (!this.process.isRunning) return;
    const file = join(this.folder, String(this.process.pid));
    // One that has only just begun does not listen yet, and would be ended by the signal.
    if (!existsSync(`${file}.ready`)) return;
    writeFileSync(`${file}.json`, JSON.stringify(order));
    this.process.signal('SIGUSR2');
  }

  private async watch(): Promise<void> {
    const { code, signal } = await this.process.ended();
    if (!this.shouldRun) return;
    this.surprises.push(String(code ?? signal));
    await delay(RESTART_AFTER_MS);
    if (this.shouldRun) await this.start();
  }

  private oneByOne<T>(work: () => Promise<T>): Promise<T> {
    const done = this.changing.then(work);
    this.changing = done.catch(() => {});
    return done;
  }
}
