import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DeadLetter } from '../../../src/ports/dead-letters.js';
import { letterOf } from '../../support/dead-letters.js';
import type { Api } from '../http/api.js';
import { serverForTests } from './program.js';

// The machine may be busy.
jest.setTimeout(30_000);

const { api: apiOfTests, run } = serverForTests();
let api: Api;
const BODY = '{"evil":"\u001b[31m"}';
const letter = (id: string, over: Partial<DeadLetter> = {}) => letterOf({ id, headers: { odd: 'a\tb' }, body: BODY, ...over });
const DEAD = 'dead-letters';
const WHY = ['--reason', 'mended'];

beforeAll(async () => {
  api = apiOfTests();
  const queue = 'backstep.starts';
  await api.world.store.letters.add([
    letter('one'),
    letter('two', { queue, at: 2_000, reason: 'nothing here handles p.x' }),
    letter('three', { queue, at: 3_000, reason: 'nothing here handles p.y' }),
    letter('cut', { at: 500, bytes: 1_000_000 }),
  ]);
});

describe('dead-letters', () => {
  it('lists those that wait: a table for people, fields for pipes, a document with --json', async () => {
    const { out } = await run([DEAD]);
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toBe(`three\twaiting\tbackstep.starts\t\t1970-01-01T00:00:03.000Z\t${BODY.length}\tnothing here handles p.y`);
    expect((await run([DEAD, 'list', '--about', 'p.x'], { isTty: true })).out).toMatch(/^id +status +queue.*\ntwo +waiting/);
    const page = JSON.parse((await run([DEAD, '--limit', '1', '--json'])).out) as { deadLetters: unknown[]; cursor?: string };
    expect([page.deadLetters.length, typeof page.cursor]).toEqual([1, 'string']);
  });

  it('shows one, with nothing in it that moves the cursor', async () => {
    const { out } = await run([DEAD, 'show', 'one'], { isTty: true });
    expect(out).toMatch(/header odd +a\\tb\n/);
    expect(out).toContain('\\u001b[31m');
    expect(out).not.toContain('\u001b');
    expect(JSON.parse((await run([DEAD, 'show', 'one', '--json'])).out)).toMatchObject({ body: BODY });
    expect(await run([DEAD, 'show', 'nobody'])).toMatchObject({ code: 3 });
  });

  it('replays and discards by id, and says by its exit code what was refused', async () => {
    expect(await run([DEAD, 'discard', 'one'])).toMatchObject({ code: 2, err: expect.stringContaining('--reason must say why') });
    expect(await run([DEAD, 'discard', 'one', ...WHY])).toMatchObject({ code: 0, out: 'one\tdiscarded\t0\n' });
    expect(await run([DEAD, 'discard', 'one', ...WHY])).toMatchObject({
      code: 4,
      err: expect.stringContaining('has discarded it already'),
    });
    expect(await run([DEAD, 'replay', 'cut', 'one', ...WHY], { isTty: true })).toMatchObject({
      code: 4,
      out: 'replay: dead letter one is replayed\n',
      err: expect.stringContaining('only the first'),
    });
    expect((await run([DEAD, 'show', 'one', '--json'])).out).toContain('"reason": "mended"');
  });

  it('replays what a filter means only with --yes, and says how much that is', async () => {
    const filter = ['--queue', 'backstep.starts', '--about', 'handles'];
    expect(await run([DEAD, 'replay', ...WHY])).toMatchObject({ code: 2, err: expect.stringContaining('give ids') });
    expect(await run([DEAD, 'replay', 'one', ...filter, ...WHY])).toMatchObject({ code: 2 });
    expect(await run([DEAD, 'replay', ...filter, ...WHY])).toMatchObject({
      code: 2,
      err: 'this would replay 2 dead letters; add --yes to do it\n',
    });
    const { code, out } = await run([DEAD, 'replay', ...filter, ...WHY, '--yes']);
    expect([code, out]).toEqual([0, 'three\treplayed\t1\ntwo\treplayed\t1\n']);
  });
});

describe('shred', () => {
  it('asks for a reason and a yes, and says how many sagas it was about', async () => {
    expect(await run(['shred', 'ada', '--reason', 'x'])).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
    expect(await run(['shred', 'ada', '--reason', ' ', '--yes'])).toMatchObject({ code: 2 });
    expect(await run(['shred', 'ada', '--reason', 'x', '--yes'])).toMatchObject({ code: 0, out: 'ada\t0\n' });
    expect((await run(['shred', 'ada', '--reason', 'x', '--yes'], { isTty: true })).out).toBe('shredded what 0 sagas had sealed of ada\n');
    expect((await run(['shred', 'ada', '--reason', 'x', '--yes', '--json'])).out).toContain('"sagas": 0');
  });
});
