import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lookForSecrets } from '../../lab/checker/search.js';
import { closeConnections } from '../../lab/kit/http.js';

const SECRET = 'canary+of the/test?4711';
const canaries = [{ name: 'the secret', text: SECRET, kind: 'secret' as const }];

describe('the search for planted secrets', () => {
  let directory: string;
  let server: Server;
  let leaky = '';
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'search-'));
    mkdirSync(join(directory, 'logs'));
    server = createServer((request, response) => response.end(request.url === leaky ? `{"password":"${SECRET}"}` : '{}'));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterAll(() => {
    closeConnections();
    server.close();
    rmSync(directory, { recursive: true });
  });
  const api = () => [`http://127.0.0.1:${(server.address() as AddressInfo).port}`];
  const look = async (audit?: string) =>
    lookForSecrets(directory, canaries, {
      api: api(),
      audit: audit === undefined ? undefined : { head: { seq: 1, hash: '' }, rows: [{ seq: 1, previous: '', hash: '', content: audit }] },
    });
  const seen = async (audit?: string) => (await look(audit)).sightings.map(({ where }) => where);

  it('reads files, answers and the audit, and finds nothing where there is nothing', async () => {
    writeFileSync(join(directory, 'logs', 'daemon-1.1.log'), 'all is well\n');
    const { places, sightings, planted } = await look('{}');
    expect(sightings).toEqual([]);
    expect(places).toEqual(expect.arrayContaining(['logs/daemon-1.1.log', 'GET /metrics', 'audit row 1']));
    expect(JSON.stringify(planted)).not.toContain(SECRET);
  });

  it.each<[string, string]>([
    ['as it is', SECRET],
    ['in a URL', encodeURIComponent(SECRET)],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in base64, after one letter', Buffer.from(`:${SECRET}`).toString('base64')],
    ['in base64, between others', Buffer.from(`guest:${SECRET}:more`).toString('base64')],
  ])('finds it %s, with file and line', async (_, form) => {
    writeFileSync(join(directory, 'logs', 'daemon-1.1.log'), `{"msg":"one"}\n{"msg":"two","header":"Basic ${form}"}\n`);
    expect(await seen()).toEqual(['logs/daemon-1.1.log:2']);
    writeFileSync(join(directory, 'logs', 'daemon-1.1.log'), '');
  });

  it('finds it in an answer and in the audit, and leaves out the files that have it because they must', async () => {
    for (const file of ['canaries.json', 'manifest.json']) writeFileSync(join(directory, file), SECRET);
    leaky = '/metrics';
    expect(await seen(`{"reason":"${SECRET}"}`)).toEqual(['GET /metrics', 'audit row 1']);
    leaky = '';
  });
});
