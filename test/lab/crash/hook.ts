// Loaded with `node --import` into a daemon or a participant process: listens to its crash points and kills it, or stops it, at the one
// that it is told. Nothing of this is in the product.
//   CRASH_AT=name:hit      kills itself with SIGKILL when it passes the point for the hit-th time
//   STOP_AT=name:hit:ms    stops itself with SIGSTOP there; whoever has started it sends SIGCONT after so many milliseconds
//   CRASH_FOLDER=path      `fired.<pid>` is written there before the end. At SIGUSR2 `order.<pid>` is read, for a process that runs already,
//                          and `armed.<pid>` written; where there is no order, `passed.<pid>` says how often each point was passed so far
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onPass, type CrashPoint } from '../../../src/core/crash-points.js';
import { afterWrite } from './half-way.js';
import { mannerOf, readOrder, type Fired, type Order } from './order.js';

const folder = process.env['CRASH_FOLDER'];
const passed = new Map<CrashPoint, number>();
let order = orderFrom(process.env['CRASH_AT'], process.env['STOP_AT']);
let left = order?.hit ?? 0;

onPass((point) => {
  passed.set(point, (passed.get(point) ?? 0) + 1);
  if (order?.point !== point || --left > 0) return;
  const given = order;
  order = undefined;
  carryOut(given);
});
process.on('SIGUSR2', () => {
  if (folder === undefined) return;
  const file = join(folder, `order.${process.pid}`);
  if (!existsSync(file)) {
    write('passed', JSON.stringify(Object.fromEntries(passed)));
    return;
  }
  order = readOrder(readFileSync(file, 'utf8'));
  left = order.hit;
  rmSync(file);
  write('armed', '');
});

function carryOut(given: Order): void {
  if (given.what === 'stop') {
    tell(given);
    process.kill(process.pid, 'SIGSTOP');
    return;
  }
  const die = (): never => {
    tell(given);
    process.kill(process.pid, 'SIGKILL');
    // Nothing more may run, however long the signal takes.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
  const manner = mannerOf(given.point);
  if (manner === 'at once') die();
  else afterWrite(manner, die);
}

function tell({ point, hit }: Order): void {
  write('fired', JSON.stringify({ point, hit, at: Date.now() } satisfies Fired));
}

/** Whole or not at all: somebody waits for the file. */
function write(name: string, text: string): void {
  if (folder === undefined) return;
  const path = join(folder, `${name}.${process.pid}`);
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function orderFrom(crash: string | undefined, stop: string | undefined): Order | undefined {
  if (crash) return readOrder(`kill ${crash}`);
  return stop ? readOrder(`stop ${stop}`) : undefined;
}
