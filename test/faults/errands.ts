import { expect } from '@jest/globals';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { SagaView } from '../../src/http/schemas.js';
import { backstep, Command, daemon, type Variables } from '../e2e/command.js';
import { closeAtEnd } from '../support/closing.js';
import { eventually } from '../support/eventually.js';
import { freePorts } from '../support/private-servers.mjs';
import { amqpUrl, freshDatabase, uniqueNamespace } from '../support/servers.js';
import type { Errand } from './fixtures/errands/index.js';

const SAGAS = ['--sagas', 'test/faults/fixtures/errands'];

/** A daemon that a shell started. */
export interface ShellDaemon {
  readonly url: string;
  readonly pid: number;
  /** The exit code, as the shell tells it. */
  readonly ended: Promise<number | null>;
}

/** An installation of the errands: daemons and participants as processes, on the tests' servers. */
export class Errands {
  private constructor(readonly at: Variables) {}

  static async open(): Promise<Errands> {
    const at = {
      BACKSTEP_POSTGRES_URL: (await freshDatabase()).url,
      BACKSTEP_RABBITMQ_URL: amqpUrl(),
      BACKSTEP_NAMESPACE: uniqueNamespace('errands').slice(0, 41),
    };
    expect((await backstep(['migrate'], at)).code).toBe(0);
    return new Errands(at);
  }

  daemon(more: Variables = {}): ReturnType<typeof daemon> {
    return daemon({ ...this.at, ...more }, SAGAS);
  }
  /** Both participants in one process. */
  async host(): Promise<Command> {
    const command = new Command(['participants', ...SAGAS], this.at);
    await command.says(/participants are up/);
    return command;
  }

  /** A daemon under the conditions of a shell script: it runs the daemon by `exec "$@"`, and has written its process id to fd 3 by then. */
  async daemonUnder(script: string): Promise<ShellDaemon> {
    const [port] = await freePorts(1);
    const serve = [process.execPath, resolve('dist/src/main/backstep.js'), 'serve', '--port', String(port), ...SAGAS];
    const shell = spawn('sh', ['-c', script, 'sh', ...serve], {
      env: { PATH: process.env['PATH'], ...this.at },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise<number | null>((done) => shell.once('exit', (code) => done(code)));
    let pid = NaN;
    shell.stdio[3]!.once('data', (text: Buffer) => (pid = Number(text.toString())));
    closeAtEnd(async () => {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
      await ended;
    });
    const url = `http://127.0.0.1:${port}`;
    await eventually(async () => (await fetch(`${url}/readyz`)).status === 200, { withinMs: 60_000, everyMs: 100 });
    return { url, pid, ended };
  }

  async start(url: string, errand: Errand, name = 'errand'): Promise<string> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/api/v1/sagas`, { method: 'POST', headers, body: JSON.stringify({ name, input: errand }) });
    expect(response.status).toBe(201);
    return ((await response.json()) as { id: string }).id;
  }
  async saga(url: string, id: string): Promise<SagaView> {
    return (await (await fetch(`${url}/api/v1/sagas/${id}`)).json()) as SagaView;
  }
  async ends(url: string, id: string, status: string, withinMs = 60_000): Promise<SagaView> {
    await eventually(async () => (await this.saga(url, id)).status === status, { withinMs, everyMs: 100, what: `saga ${id} is ${status}` });
    return this.saga(url, id);
  }
}
