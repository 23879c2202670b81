import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { keysIn } from '../../../src/access/discovery.js';
import { OidcTokens, readOidc } from '../../../src/access/oidc.js';

const NOW = Date.UTC(2026, 0, 1);
const SECONDS = NOW / 1_000;

let server: Server;
let base: string;
let mine: CryptoKey;
let theirs: CryptoKey;
let fetched = 0;
let served: string[] = [];
let flaky = true;
/** What each issuer says of itself. */
function configuration(path: string, response: ServerResponse): void {
  const own = { issuer: `${base}${path}`, jwks_uri: `${base}/keys` };
  const say = (document: unknown) => void response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
  if (path === '/tenant') return say({ ...own, issuer: `${base}/tenant/` });
  if (path === '/flaky') return flaky ? say(own) : void response.writeHead(503).end();
  if (path === '/other') return say({ ...own, issuer: `${base}/another` });
  if (path === '/redirecting') return void response.writeHead(302, { location: '/flaky/.well-known/openid-configuration' }).end();
  if (path === '/large') return say({ ...own, more: 'x'.repeat(300_000) });
  if (path === '/plain') return say({ ...own, jwks_uri: 'http://id.test/keys' });
  if (path === '/empty') return say({ issuer: own.issuer });
  if (path === '/null') return say(null);
  response.writeHead(path === '/nonsense' ? 200 : 404).end('{');
}
beforeAll(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  mine = pair.privateKey;
  theirs = (await generateKeyPair('ES256')).privateKey;
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256' };
  server = createServer((request, response) => {
    fetched += 1;
    const path = request.url!;
    served.push(path);
    if (path.endsWith('/.well-known/openid-configuration')) return configuration(path.slice(0, -33), response);
    if (path === '/large') return void response.end(JSON.stringify({ keys: [jwk], more: 'x'.repeat(300_000) }));
    if (request.url === '/moved') return void response.writeHead(302, { location: '/keys' }).end();
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const settings = (more = '', keys = `${base}/keys`) =>
  `issuer=https://id.test audience=backstep jwks=${keys} role-claim=realm.roles name-claim=email read=viewer operate=oncall,sre admin=platform ${more}`;
const verifier = (more = '', keys?: string) => new OidcTokens(readOidc(settings(more, keys)).settings!);
const CLAIMS = {
  iss: 'https://id.test',
  aud: 'backstep',
  sub: 'u1',
  exp: SECONDS + 60,
  email: 'ada@test',
  realm: { roles: ['x', 'sre', 'viewer'] },
};
const jwt = (claims: object = {}, key = mine, head: object = {}) =>
  new SignJWT({ ...CLAIMS, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'k1', ...head }).sign(key);

describe('a JWT', () => {
  it('says who calls and what they may: the highest of their roles', async () => {
    expect(await verifier().verify(await jwt({ jti: 'j1' }), NOW)).toEqual({
      auth: 'oidc',
      name: 'ada@test',
      role: 'operate',
      tokenId: 'u1/j1',
    });
    expect(await verifier().verify(await jwt({ realm: { roles: 'viewer platform' } }), NOW)).toMatchObject({ role: 'admin' });
  });

  it('reaches the definitions that its claim lists, and none without it', async () => {
    const scoped = verifier('definitions-claim=sagas');
    expect(await scoped.verify(await jwt({ sagas: ['a', 'b'] }), NOW)).toMatchObject({ definitions: ['a', 'b'] });
    expect(await scoped.verify(await jwt(), NOW)).toMatchObject({ definitions: [] });
  });

  it('fetches the keys once', async () => {
    const tokens = verifier();
    const before = fetched;
    for (let n = 0; n < 3; n++) await tokens.verify(await jwt(), NOW);
    expect(fetched - before).toBe(1);
  });

  it.each([
    ['that has expired', () => jwt({ exp: SECONDS - 31 })],
    ['that is not good yet', () => jwt({ nbf: SECONDS + 31 })],
    ['without an end', () => jwt({ exp: undefined })],
    ['without a subject', () => jwt({ sub: undefined })],
    ['for somebody else', () => jwt({ aud: 'other' })],
    ['of somebody else', () => jwt({ iss: 'https://evil.test' })],
    ['signed by another key', () => jwt({}, theirs)],
    ['that names a key which there is not', () => jwt({}, mine, { kid: 'k2' })],
    ['that brings its own key', async () => jwt({}, theirs, { jwk: await exportJWK((await generateKeyPair('ES256')).publicKey) })],
    ['that leads to keys of its own', () => jwt({}, theirs, { jku: `${base}/keys` })],
    [
      'without a signature',
      async () => `${[{ alg: 'none' }, CLAIMS].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`,
    ],
    ['with a shared secret', () => new SignJWT(CLAIMS).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(new Uint8Array(32))],
    ['that is none', () => Promise.resolve('a.b.c')],
  ])('[I1] %s is refused', async (_, make) => {
    await expect(verifier().verify(await make(), NOW)).rejects.toMatchObject({ code: 'SAGA_UNAUTHENTICATED' });
  });

  it('[I1] with an algorithm that is not on the list is refused', async () => {
    await expect(verifier('algorithms=RS256').verify(await jwt(), NOW)).rejects.toMatchObject({ code: 'SAGA_UNAUTHENTICATED' });
  });

  it.each([[{ realm: { roles: ['x'] } }], [{ realm: 'sre' }], [{ realm: undefined }], [{ realm: { roles: { sre: true } } }]])(
    '[I1] without a role that counts is refused: %j',
    async (claims) => {
      await expect(verifier().verify(await jwt(claims), NOW)).rejects.toMatchObject({ code: 'SAGA_FORBIDDEN' });
    },
  );

  it('[I8] is not checked with keys from where a redirect leads, nor while they cannot be fetched', async () => {
    for (const keys of [`${base}/moved`, 'http://127.0.0.1:1/keys'])
      await expect(verifier('', keys).verify(await jwt(), NOW)).rejects.toMatchObject({ code: 'SAGA_UNAVAILABLE' });
  });
});

describe('an issuer that is asked where its keys are', () => {
  const issuer = (path: string) => `${base}${path}`;
  const asked = (path: string) =>
    new OidcTokens(readOidc(`issuer=${issuer(path)} audience=backstep role-claim=realm.roles operate=sre`).settings!);
  const of = (path: string, claims: object = {}) => jwt({ iss: issuer(path), ...claims });
  const [MINUTE, HOUR] = [60_000, 3_600_000];

  it('is asked once an hour', async () => {
    const tokens = asked('/tenant/');
    served = [];
    await Promise.all([tokens.verify(await of('/tenant/'), NOW), tokens.verify(await of('/tenant/'), NOW)]);
    await tokens.verify(await of('/tenant/', { exp: SECONDS + 7_200 }), NOW + HOUR - 1);
    expect(served).toEqual(['/tenant/.well-known/openid-configuration', '/keys']);
    await tokens.verify(await of('/tenant/', { exp: SECONDS + 7_200 }), NOW + HOUR);
    expect(served.at(-1)).toBe('/tenant/.well-known/openid-configuration');
  });

  it.each([
    ['/other', 'of another issuer'],
    ['/redirecting', 'that redirects'],
    ['/large', 'of more than 256 KiB'],
    ['/plain', 'with keys on an open way'],
    ['/empty', 'without keys'],
    ['/nonsense', 'that is no JSON'],
    ['/null', 'that is nothing'],
    ['/missing', 'that is not there'],
  ])('[I8] is not believed: a document at %s, %s', async (path) => {
    await expect(asked(path).verify(await of(path), NOW)).rejects.toMatchObject({ code: 'SAGA_UNAVAILABLE' });
  });

  it('is asked again soon, but not by everybody, when it did not answer; what it said counts meanwhile', async () => {
    const tokens = asked('/flaky');
    const verify = async (after: number) => tokens.verify(await of('/flaky', { exp: SECONDS + 100_000 }), NOW + after);
    served = [];
    flaky = false;
    await expect(verify(0)).rejects.toMatchObject({ code: 'SAGA_UNAVAILABLE' });
    await expect(verify(4_999)).rejects.toMatchObject({ code: 'SAGA_UNAVAILABLE' });
    expect(served).toHaveLength(1);
    flaky = true;
    expect(await verify(5_000)).toMatchObject({ role: 'operate' });
    flaky = false;
    expect(await verify(HOUR + MINUTE)).toMatchObject({ role: 'operate' });
  });

  it('[I8] elsewhere leads to nothing on this machine', () => {
    const said = (keys: string) => ({ issuer: 'https://id.test', jwks_uri: keys });
    expect(keysIn(said('https://keys.id.test/1'), 'https://id.test').href).toBe('https://keys.id.test/1');
    expect(() => keysIn(said('http://127.0.0.1:5672/'), 'https://id.test')).toThrow('must begin with https://');
  });

  it('[I8] whose keys are too many bytes is not believed either', async () => {
    await expect(verifier('', `${base}/large`).verify(await jwt(), NOW)).rejects.toMatchObject({ code: 'SAGA_UNAVAILABLE' });
  });
});

describe('the settings of OIDC', () => {
  it('are wrong with all their faults', () => {
    expect(readOidc('issuer=x jwks=http://id.test/keys algorithms=HS256,none role=y').faults).toEqual([
      expect.stringMatching(/^it has role; /),
      'audience is missing',
      expect.stringMatching(/^jwks must begin with https:/),
      expect.stringMatching(/^algorithms must be some of RS256/),
      expect.stringMatching(/^no role has a value/),
    ]);
    expect(readOidc('issuer=http://id.test audience=a role=y admin=z').faults).toEqual([
      expect.stringMatching(/^it has role; /),
      expect.stringMatching(/^issuer must begin with https:.*; or say with jwks where/),
    ]);
    expect(readOidc('issuer=https://id.test?a audience=a admin=z').faults).toEqual([expect.stringMatching(/^issuer must have no query/)]);
    expect(readOidc('issuer=id.test audience=a admin=z').faults).toEqual([expect.stringMatching(/^issuer is no URL/)]);
    expect(readOidc('').faults).toHaveLength(1);
    expect(readOidc('issuer=a;issuer=b').faults).toHaveLength(1);
  });
});
