import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { eventually } from '../support/eventually.js';

const server = ['sleep', '600'];

describe('a supervised server', () => {
  it('starts again after it was killed, and leaves no process and no folder when disposed of', async () => {
    const { SupervisedServer, temporaryFolder } = await import('../support/supervised.mjs');
    const supervised = new SupervisedServer({ dir: temporaryFolder('backstep-test'), command: server, lastSignal: 'KILL' });
    await supervised.start();
    await supervised.kill();
    expect(supervised.isRunning).toBe(false);
    await supervised.start();
    expect(supervised.isRunning).toBe(true);
    await supervised.dispose();
    expect(existsSync(supervised.dir)).toBe(false);
    await expect(supervised.start()).rejects.toThrow('the supervising shell has ended');
  });

  it('says how a server ended that could not stay', async () => {
    const { SupervisedServer, temporaryFolder } = await import('../support/supervised.mjs');
    const command = ['sh', '-c', 'echo port taken; exit 3'];
    const supervised = new SupervisedServer({ dir: temporaryFolder('backstep-test'), command, lastSignal: 'KILL' });
    await supervised.start();
    await eventually(() => !supervised.isRunning);
    expect(supervised.logTail).toBe('port taken\n');
    await supervised.dispose();
  });

  it('does not outlive a process that is killed', async () => {
    const script = `
      import { SupervisedServer, temporaryFolder } from './test/support/supervised.mjs';
      const supervised = new SupervisedServer({ dir: temporaryFolder('backstep-test'), command: ${JSON.stringify(server)}, lastSignal: 'TERM' });
      console.log(JSON.stringify({ folder: supervised.dir, pid: await supervised.start() }));
      process.kill(process.pid, 'SIGKILL');`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(owner.stdout, 'data')) as [Buffer];
    const { folder, pid } = JSON.parse(line.toString()) as { folder: string; pid: number };
    await eventually(() => !existsSync(folder), { what: `${folder} is removed` });
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
