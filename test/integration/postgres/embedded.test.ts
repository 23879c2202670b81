import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { lockDirectory } from '../../../src/postgres/directory-lock.js';
import { openEmbedded, type Embedded } from '../../../src/postgres/embedded.js';
import { poolOf } from '../../../src/postgres/pool.js';
import { closeAtEnd } from '../../support/closing.js';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'backstep-embedded-'));
  closeAtEnd(() => rm(path, { recursive: true, force: true }));
  return path;
}
async function opened(options: Parameters<typeof openEmbedded>[0] = {}): Promise<Embedded> {
  const embedded = await openEmbedded(options);
  closeAtEnd(() => embedded.close().catch(() => {}));
  return embedded;
}

describe('embedded PostgreSQL', () => {
  it('gives several data sources a schema each; their transactions take turns', async () => {
    const embedded = await opened();
    const schemas = ['orders', 'payments', 'stock'];
    const dataSources = await Promise.all(schemas.map((schema) => embedded.dataSource({ schema })));
    for (const dataSource of dataSources) await dataSource.query('create table note (text text)');
    const write = (dataSource: DataSource, n: number) =>
      dataSource.transaction(async (tx) => {
        for (let i = 0; i < 5; i++) await tx.query('insert into note values ($1)', [`${n}-${i}`]);
        if (n % 2) throw new Error('rolled back');
      });
    const results = await Promise.allSettled(Array.from({ length: 30 }, (_, n) => write(dataSources[n % 3]!, n)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(15);
    for (const dataSource of dataSources) expect(await dataSource.query('select count(*)::integer as n from note')).toEqual([{ n: 25 }]);
  }, 60_000);

  it('stays usable after failing statements, lost clients and transactions left open', async () => {
    const embedded = await opened();
    const dataSource = await embedded.dataSource({ schema: 'main' });
    const pool = poolOf(dataSource);
    await dataSource.query('create table note (text text)');
    for (let n = 0; n < 3; n++) await expect(pool.query('select nonsense')).rejects.toThrow('nonsense');
    for (let n = 0; n < 3; n++) await expect(dataSource.query('select nonsense')).rejects.toThrow('nonsense');
    const forgetful = await pool.connect();
    await forgetful.query('begin');
    await forgetful.query(`insert into note values ('never')`);
    forgetful.release();
    expect(await dataSource.query('select * from note')).toEqual([]);
    const lost = await pool.connect();
    await lost.query({ name: 'prepared', text: 'select 1 as one' });
    await lost.query('begin');
    await lost.query(`insert into note values ('never')`);
    lost.release(true);
    expect((await pool.query({ name: 'prepared', text: 'select 2 as two' })).rows).toEqual([{ two: 2 }]);
    expect(await dataSource.query('select * from note')).toEqual([]);
  }, 60_000);

  it('refuses to wait for itself for ever, and goes on', async () => {
    const embedded = await opened({ waitMs: 200 });
    const [outer, inner] = [await embedded.dataSource({ schema: 'one' }), await embedded.dataSource({ schema: 'two' })];
    await expect(outer.transaction(() => inner.query('select 1'))).rejects.toThrow('timeout');
    expect(await inner.query('select current_schema() as schema')).toEqual([{ schema: 'two' }]);
    expect(await outer.query('select current_schema() as schema')).toEqual([{ schema: 'one' }]);
  }, 60_000);

  it('keeps what was committed in its directory, for one opener at a time', async () => {
    const directory = await folder();
    const first = await openEmbedded({ directory });
    const dataSource = await first.dataSource({ schema: 'main' });
    await dataSource.query(`create table note as select 'kept' as text`);
    await expect(openEmbedded({ directory })).rejects.toMatchObject({
      code: 'SAGA_UNAVAILABLE',
      message: expect.stringContaining('this process'),
    });
    await dataSource.destroy();
    await first.close();
    const again = await opened({ directory });
    expect(await (await again.dataSource({ schema: 'main' })).query('select * from note')).toEqual([{ text: 'kept' }]);
  }, 60_000);
});

describe('a template', () => {
  it('is made by the first database and used by the next, in memory and on disk', async () => {
    const place = await folder();
    const template = join(place, 'cache', 'template');
    await (await openEmbedded({ template })).close();
    expect(await readdir(join(place, 'cache'))).toEqual(['template']);
    for (const options of [{ template }, { template, directory: join(place, 'new') }, { template, directory: join(place, 'new') }]) {
      const embedded = await openEmbedded(options);
      const dataSource = await embedded.dataSource({ schema: 'main' });
      expect(await dataSource.query('select 1 as one')).toEqual([{ one: 1 }]);
      await dataSource.query('create table if not exists note (text text)');
      await dataSource.destroy();
      await embedded.close();
    }
  }, 60_000);
});

describe('the lock of a directory', () => {
  it('belongs to a process as long as that lives', async () => {
    const path = join(await folder(), 'lock');
    const other = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    closeAtEnd(async () => void other.kill('SIGKILL'));
    await once(other, 'spawn');
    await writeFile(path, JSON.stringify({ pid: other.pid, startedAt: null, token: 'x' }));
    await expect(lockDirectory(path)).rejects.toMatchObject({
      code: 'SAGA_UNAVAILABLE',
      message: expect.stringContaining(`process ${other.pid}`),
    });
    other.kill('SIGKILL');
    await once(other, 'exit');
    const lock = await lockDirectory(path);
    await lock.release();
  });

  it('is taken over from a process whose id went to another one, and from a file that says nothing', async () => {
    const directory = await folder();
    const path = join(directory, 'lock');
    for (const stale of [JSON.stringify({ pid: process.pid, startedAt: '1', token: 'x' }), '', '{']) {
      await writeFile(path, stale);
      const lock = await lockDirectory(path);
      expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid });
      await lock.release();
    }
    expect(await readdir(directory)).toEqual([]);
  });

  it('goes to one of many who want it at once', async () => {
    const path = join(await folder(), 'lock');
    await writeFile(path, JSON.stringify({ pid: 999_999_999, startedAt: '1', token: 'x' }));
    const taken = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(path)));
    expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
