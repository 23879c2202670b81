import { describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDashboard } from '../../../src/http/dashboard-files.js';
import { closeAtEnd } from '../../support/closing.js';
import { Api } from './api.js';

const directory = mkdtempSync(join(tmpdir(), 'backstep-dashboard-'));
closeAtEnd(async () => rmSync(directory, { recursive: true }));
mkdirSync(join(directory, 'assets'));
writeFileSync(join(directory, 'index.html'), '<!doctype html><title>Backstep</title>');
writeFileSync(join(directory, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
writeFileSync(join(directory, 'assets', 'main-1a2b.js'), `export const text = '${'long '.repeat(200)}';`);
writeFileSync(join(directory, 'notes.txt'), 'not for everybody');

const { app } = new Api(undefined, { dashboard: readDashboard(directory) });
const get = (path: string, headers: Record<string, string> = {}) => app.request(path, { headers });

describe('the dashboard over HTTP', () => {
  it.each(['/', '/sagas', '/sagas/0198f000-0000-7000-8000-000000000001', '/definitions/place-order', '/dead-letters/x', '/participants'])(
    'begins at %s, with a policy that allows nothing inline and nothing from elsewhere',
    async (path) => {
      const response = await get(path);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'; (?!.*unsafe)/);
      expect(response.headers.get('cache-control')).toBe('no-cache');
    },
  );

  it('sends a page again only when it has changed', async () => {
    const etag = (await get('/')).headers.get('etag')!;
    const again = await get('/sagas', { 'if-none-match': etag });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('lets browsers keep what has a hash in its name, and compresses it for those that take it', async () => {
    const plain = await get('/assets/main-1a2b.js');
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect([plain.headers.get('content-encoding'), plain.headers.get('content-type')]).toEqual([null, 'text/javascript; charset=utf-8']);
    const zipped = await get('/assets/main-1a2b.js', { 'accept-encoding': 'br, gzip' });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
    expect((await zipped.arrayBuffer()).byteLength).toBeLessThan((await plain.arrayBuffer()).byteLength / 5);
    expect((await get('/assets/main-1a2b.js', { 'accept-encoding': 'gzip;q=0' })).headers.get('content-encoding')).toBeNull();
  });

  it.each(['/assets/gone.js', '/notes.txt', '/assets/../notes.txt', '/sagas/a/b', '/elsewhere', '/index.html', '/api/v1/nothing'])(
    'has nothing at %s',
    async (path) => {
      const response = await get(path);
      expect([response.status, response.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    },
  );

  it('stays out of the way of the API, and of what is no GET', async () => {
    expect((await get('/api/v1/definitions')).status).toBe(200);
    expect((await get('/openapi.json')).status).toBe(200);
    expect((await app.request('/', { method: 'POST' })).status).toBe(405);
  });

  it('is not there where it was not built', () => {
    expect(readDashboard(join(directory, 'assets'))).toBeUndefined();
  });
});

describe('what the dashboard asks', () => {
  it('what was done lately, and where sagas are', async () => {
    const api = await new Api().open();
    api.world.script = () => undefined;
    await api.start();
    const { status, body } = await api.get('/api/v1/activity');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      durations: [],
      steps: { sagas: 1, isAll: true, counts: [{ name: 'test-saga', version: 1, step: 'reserve', count: 1 }] },
    });
  });

  it('who is needed, what waits for them, and how many daemons there are', async () => {
    const api = await new Api().open();
    const { body } = await api.get('/api/v1/participants');
    expect(body).toMatchObject({
      participants: [{ name: 'p', definitions: ['test-saga'], queue: 'backstep.commands.p', depth: 0, consumers: 1 }],
      replies: 0,
      daemons: 1,
    });
    api.world.broker.disconnect();
    const without = (await api.get('/api/v1/participants')).body;
    expect(without).toEqual({ participants: [expect.not.objectContaining({ depth: expect.anything() })] });
  });
});
