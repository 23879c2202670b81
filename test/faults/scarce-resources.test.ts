import { beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { Errands, type ShellDaemon } from './errands.js';

let errands: Errands;
beforeAll(async () => {
  errands = await Errands.open();
  await errands.host();
}, 120_000);

/** It does what it should, and stops in order when it is told to. */
async function isWell({ url, pid, ended }: ShellDaemon): Promise<void> {
  await errands.ends(url, await errands.start(url, { clerk: 'works' }), 'completed');
  await errands.ends(url, await errands.start(url, { clerk: 'throws' }), 'compensated');
  process.kill(pid, 'SIGTERM');
  expect(await ended).toBe(0);
}

const PID_TO_3 = 'sh -c \'echo "$PPID" >&3\'';

describe('a daemon', () => {
  it('[A16] whose log goes to a full disk goes on, and stops in order', async () => {
    await isWell(await errands.daemonUnder(`${PID_TO_3}; exec "$@" >/dev/full 2>&1`));
  }, 120_000);

  it('[A16] whose log nobody reads goes on, and stops in order', async () => {
    await isWell(await errands.daemonUnder(unread()));
  }, 120_000);

  it('[A16] that runs out of file descriptors takes nobody new, and recovers', async () => {
    const daemon = await errands.daemonUnder(`ulimit -n 160; ${PID_TO_3}; exec "$@" >/dev/null 2>&1`);
    const before = await errands.start(daemon.url, { clerk: 'works' });
    const guests: Socket[] = [];
    for (let i = 0; i < 200; i++) {
      const guest = connect(Number(new URL(daemon.url).port), '127.0.0.1').on('error', () => {});
      guests.push(guest);
      await once(guest, 'connect');
    }
    expect(await answerTo(guests.at(-1)!)).not.toBe('answered');
    for (const guest of guests) guest.destroy();
    await eventually(async () => (await fetch(`${daemon.url}/readyz`)).status === 200, { withinMs: 30_000 });
    await errands.ends(daemon.url, before, 'completed');
    await isWell(daemon);
  }, 120_000);

  it('[A16] with too little memory goes on or dies; either way every start that was answered ends', async () => {
    const small = await errands.daemon({ NODE_OPTIONS: '--max-old-space-size=40' });
    let hasEnded = false;
    void small.ended.then(() => (hasEnded = true));
    const ids: string[] = [];
    const padding = 'x'.repeat(200_000);
    for (let round = 0; round < 30 && !hasEnded; round++) {
      const started = Array.from({ length: 10 }, () => errands.start(small.url, { clerk: 'works', padding }).then((id) => ids.push(id)));
      await Promise.allSettled(started);
    }
    expect(ids.length).toBeGreaterThan(0);
    const other = await errands.daemon();
    for (const id of ids) await errands.ends(other.url, id, 'completed', 90_000);
    process.stderr.write(`with 40 MB ${hasEnded ? 'it died' : 'it lived'} after ${ids.length} starts of 200 kB\n`);
  }, 240_000);
});

/** What becomes of a request on this connection within a second. */
async function answerTo(guest: Socket): Promise<'answered' | 'closed' | 'silent'> {
  if (guest.destroyed) return 'closed';
  const answered = new Promise<'answered'>((resolve) => guest.once('data', () => resolve('answered')));
  const closed = new Promise<'closed'>((resolve) => guest.once('close', () => resolve('closed')));
  guest.write('GET /healthz HTTP/1.1\r\nhost: daemon\r\n\r\n');
  return Promise.race([answered, closed, delay(1_000, 'silent' as const)]);
}

/** A script that runs the daemon into a pipe that is full from the beginning and that nobody reads. */
function unread(): string {
  return `
    fifo=$(mktemp -u); mkfifo "$fifo"
    sleep 300 <"$fifo" & reader=$!
    exec 5>"$fifo"; rm "$fifo"
    head -c 65536 /dev/zero >&5
    (${PID_TO_3}; exec "$@" >&5 2>&5 5>&-) ; code=$?
    kill $reader
    exit $code`;
}
