import { describe, expect, it } from '@jest/globals';
import { lookPatiently } from '../../../src/cli/live.js';
import type { CliContext } from '../../../src/cli/terminal.js';
import { SagaError } from '../../../src/core/errors.js';

const away = new SagaError('SAGA_UNAVAILABLE', 'no server');

/** Looks again and again while the time that is paused goes by. */
function looking(look: () => Promise<string>, signal = new AbortController().signal) {
  let now = 0;
  const said: string[] = [];
  const context = { now: () => now, pause: async (ms: number) => void (now += ms) } as unknown as CliContext;
  const looked = lookPatiently(context, { signal, look, away: (why) => void said.push(why) });
  return { looked, said };
}

describe('a live view whose server is away', () => {
  it('says so and asks again', async () => {
    const answers = [Promise.reject(away), Promise.reject(away), Promise.resolve('back')];
    const { looked, said } = looking(() => answers.shift()!);
    for (const answer of answers) answer.catch(() => {});
    expect(await looked).toBe('back');
    expect(said).toHaveLength(2);
  });

  it('gives up after a minute, and at once where asking again is of no use', async () => {
    const patient = looking(() => Promise.reject(away));
    await expect(patient.looked).rejects.toBe(away);
    expect(patient.said).toHaveLength(60);
    const lost = looking(() => Promise.reject(new SagaError('SAGA_NOT_FOUND', 'gone')));
    await expect(lost.looked).rejects.toThrow('gone');
    expect(lost.said).toEqual([]);
  });

  it('is left while an answer is still to come', async () => {
    const interrupted = new AbortController();
    const { looked } = looking(() => new Promise<string>(() => {}), interrupted.signal);
    interrupted.abort();
    expect(await looked).toBeUndefined();
  });
});
