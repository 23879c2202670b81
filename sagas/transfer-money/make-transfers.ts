// Writes transfers, one JSON object a line: `node dist/sagas/transfer-money/make-transfers.js [how many]`. The same arguments always
// give the same transfers.
import { writeFileSync } from 'node:fs';
import type { Transfer } from './transfer-money.saga.js';

const [count = 240] = process.argv.slice(2).map(Number);
const random = randomFrom(1_873);
const FROM = ['N-1001', 'N-1002', 'N-1003', 'N-1004', 'N-1005', 'N-1006', 'N-1007', 'N-1008', 'N-1009'];
const TO = ['S-2001', 'S-2002', 'S-2003', 'S-2004', 'S-2005', 'S-2006', 'S-2008'];

/** How many in a hundred are of which kind; the rest are fine, unless the account is empty by then. */
const KINDS: readonly (readonly [share: number, change: Partial<Transfer>])[] = [
  [5, { to: 'S-2007' }],
  [3, { to: 'S-9999' }],
  [3, { from: 'N-1010' }],
  [3, { from: 'N-9999' }],
  [6, { cents: 50_000_000 }],
];

const lines = Array.from({ length: count }, (_, index) => {
  const fine = { from: pick(FROM), to: pick(TO), cents: 100 * (1 + Math.floor(random() * random() * 1_500)) };
  return JSON.stringify({ transferId: `t-${String(index + 1).padStart(4, '0')}`, ...fine, ...changeOf(Math.floor(random() * 100)) });
});
writeFileSync(1, `${lines.join('\n')}\n`);

function changeOf(at: number): Partial<Transfer> {
  let from = at;
  for (const [share, change] of KINDS) {
    if (from < share) return change;
    from -= share;
  }
  return {};
}
function pick<T>(list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}
/** mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
