import { describe, expect, it } from '@jest/globals';
import { Errands } from './errands.js';

describe('an exception in the code of one saga', () => {
  it('[A15] makes that saga stuck; process and other sagas go on', async () => {
    const errands = await Errands.open();
    const [{ url }] = await Promise.all([errands.daemon(), errands.host()]);
    const bad = await errands.start(url, { clerk: 'works', builder: 'throws' });
    const good = await errands.start(url, { clerk: 'works' });
    await errands.ends(url, good, 'completed');
    const { steps } = await errands.ends(url, bad, 'stuck');
    expect(steps[1]).toMatchObject({ state: 'stuck' });
    expect(JSON.stringify(steps[1])).toContain('there is no such form');
  }, 120_000);

  it('[A15] that nobody waits for ends the process in order, and not the next one: what it was building is there', async () => {
    const errands = await Errands.open();
    const [first] = await Promise.all([errands.daemon(), errands.host()]);
    const bad = await errands.start(first.url, { clerk: 'works', builder: 'leaves a rejection behind' });
    const { code, stdout } = await first.ended;
    expect([code, /unhandled rejection: a bug; stopping/.test(stdout), /nobody waits for this/.test(stdout)]).toEqual([1, true, true]);
    const second = await errands.daemon();
    await errands.ends(second.url, bad, 'completed');
    await errands.ends(second.url, await errands.start(second.url, { clerk: 'works' }), 'completed');
  }, 120_000);
});
