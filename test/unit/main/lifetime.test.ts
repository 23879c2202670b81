import { describe, expect, it } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { runUntilStopped } from '../../../src/main/lifetime.js';
import { LogBook } from '../../support/engine.js';

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

function running() {
  const stops: string[] = [];
  return { stops, start: () => Promise.resolve({ stop: () => Promise.resolve(void stops.push('stopped')) }) };
}

describe('a process', () => {
  it.each(['SIGTERM', 'SIGINT'])('[A13] stops what it runs at %s, and ends with 0', async (signal) => {
    const process = new FakeProcess();
    const { stops, start } = running();
    const code = runUntilStopped(process, new LogBook(), start);
    process.emit(signal, signal);
    expect(await code).toBe(0);
    expect([stops, process.exits]).toEqual([['stopped'], []]);
  });

  it('ends at once at the second signal, unless it comes with the first', () => {
    const process = new FakeProcess();
    let now = 0;
    void runUntilStopped(
      process,
      new LogBook(),
      () => new Promise(() => {}),
      () => now,
    );
    process.emit('SIGTERM', 'SIGTERM');
    process.emit('SIGTERM', 'SIGTERM');
    expect(process.exits).toEqual([]);
    now = 1_000;
    process.emit('SIGTERM', 'SIGTERM');
    expect(process.exits).toEqual([143]);
  });

  it('does not wait for what has not started yet', async () => {
    const process = new FakeProcess();
    const code = runUntilStopped(process, new LogBook(), () => new Promise(() => {}));
    process.emit('SIGINT', 'SIGINT');
    expect(await code).toBe(0);
  });

  it.each(['unhandledRejection', 'uncaughtException'])('logs an %s, stops in order, and ends with 1', async (event) => {
    const process = new FakeProcess();
    const logs = new LogBook();
    const { stops, start } = running();
    const code = runUntilStopped(process, logs, start);
    process.emit(event, new Error('a bug'));
    expect(await code).toBe(1);
    expect(stops).toEqual(['stopped']);
    expect(JSON.stringify(logs.lines)).toContain('a bug');
  });

  it('passes on why it could not start', async () => {
    const failing = () => Promise.reject(new Error('port in use'));
    await expect(runUntilStopped(new FakeProcess(), new LogBook(), failing)).rejects.toThrow('port in use');
  });
});
