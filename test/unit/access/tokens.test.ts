import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { accessWith } from '../../../src/access/access.js';
import { findToken, newToken, readTokens, TOKEN_PREFIX, writeToken } from '../../../src/access/tokens.js';

const HASH = createHash('sha256').update('x').digest('hex');
const faultsOf = (text: string) => readTokens(text).faults;

describe('entries of tokens', () => {
  it('are read in any order, from one line or several, with comments', () => {
    const other = createHash('sha256').update('y').digest('hex');
    const { entries, faults } = readTokens(
      `# people\nrole=read name=ada sha256=${HASH} # on call\n\nname=ci role=operate definitions=a,b expires=2027-01-31 sha256=${other};`,
    );
    expect(faults).toEqual([]);
    expect(entries).toEqual([
      { name: 'ada', role: 'read', sha256: Buffer.from(HASH, 'hex') },
      { name: 'ci', role: 'operate', sha256: Buffer.from(other, 'hex'), definitions: ['a', 'b'], expiresAt: Date.UTC(2027, 0, 31) },
    ]);
    expect(readTokens(entries.map(writeToken).join(';'))).toEqual({ entries, faults: [] });
  });

  it('have all their faults named, and none of their values repeated', () => {
    const faults = faultsOf('name=a role=root sha256=geheim who=me; bks_geheim; name=b name=b role=read definitions=, expires=soon');
    expect(faults).toEqual([
      'entry 1: it has who; what there is: name, role, sha256, definitions, expires',
      'entry 1: role must be one of read, operate, admin',
      expect.stringMatching(/^entry 1: sha256 must be the hash/),
      'entry 2: its word 1 is not of the form name=value',
      expect.stringMatching(/^entry 2: name must be/),
      expect.stringMatching(/^entry 2: role must be/),
      expect.stringMatching(/^entry 2: sha256 must be/),
      'entry 3: it says name twice',
      expect.stringMatching(/^entry 3: sha256 must be/),
      expect.stringMatching(/^entry 3: definitions must be/),
      expect.stringMatching(/^entry 3: expires must be/),
    ]);
    expect(faults.join()).not.toContain('geheim');
  });

  it('are one for each name and token', () => {
    expect(faultsOf(`name=a role=read sha256=${HASH}; name=a role=admin sha256=${HASH}`)).toEqual([
      'entry 2: there is another one named a',
      'entry 2: another one has the same token; each has its own',
    ]);
  });
});

describe('a token', () => {
  it('has 256 bits of chance and a beginning that scanners know; only its hash is configured', () => {
    const { token, entry } = newToken({ name: 'ci', role: 'read' });
    expect(token).toMatch(/^bks_[\w-]{43}$/);
    expect(Buffer.from(token.slice(TOKEN_PREFIX.length), 'base64url')).toHaveLength(32);
    expect(writeToken(entry)).not.toContain(token.slice(4));
    expect(newToken({ name: 'ci', role: 'read' }).token).not.toBe(token);
  });

  it('[I11] is compared by hash with every entry, whichever it fits', () => {
    const all = Array.from({ length: 3 }, (_, n) => newToken({ name: `t${n}`, role: 'read' }));
    const entries = all.map(({ entry }) => entry);
    for (const { token, entry } of all) expect(findToken(entries, token)).toBe(entry);
    for (const wrong of ['', 'bks_', all[0]!.token.slice(0, -1), `${all[0]!.token}x`]) expect(findToken(entries, wrong)).toBeUndefined();
  });
});

describe('access with tokens', () => {
  const clock = { now: () => 1_000, monotonic: () => 0 };
  const good = newToken({ name: 'ada', role: 'operate', definitions: ['a'] });
  const old = newToken({ name: 'old', role: 'admin', expiresAt: 1_000 });
  const access = accessWith({ tokens: [good.entry, old.entry], rateLimit: 0 }, clock);

  it('knows whose a token is', async () => {
    const caller = {
      auth: 'token',
      name: 'ada',
      role: 'operate',
      definitions: ['a'],
      tokenId: good.entry.sha256.toString('hex').slice(0, 12),
    };
    expect(await access.authenticate(`Bearer ${good.token}`)).toEqual(caller);
    expect(await access.authenticate(`bearer  ${good.token}`)).toEqual(caller);
  });

  it.each([
    ['none', undefined, /needs a token/],
    ['one that nobody has', 'Bearer bks_nothing', /not known/],
    ['one of another form', `Basic ${good.token}`, /not of the form/],
    ['nothing after Bearer', 'Bearer ', /not of the form/],
    ['two', `Bearer ${good.token} ${good.token}`, /not of the form/],
    ['one without end', `Bearer ${'x'.repeat(20_000)}`, /not of the form/],
    ['an expired one', `Bearer ${old.token}`, /has expired/],
  ])('[I1] refuses %s', async (_, header, why) => {
    await expect(access.authenticate(header)).rejects.toMatchObject({ code: 'SAGA_UNAUTHENTICATED', message: expect.stringMatching(why) });
  });

  it('is off without any', () => expect(accessWith({ tokens: [], rateLimit: 1 }, clock).isOn).toBe(false));
});
