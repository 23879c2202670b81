// Loaded before a daemon's or participants' own code (`node --import`), and idle until it is told. `LAB_MISBEHAVE` names a folder; the process
// puts `<pid>.ready` there, and on SIGUSR2 it reads `<pid>.json` and does what that says: `{ "blockMs": n }` blocks the event loop for so long, `{ "skewMs": n }` moves the wall clock
// by so much. Node reads the wall clock through `Date` alone, so that is the whole clock; timers run on the monotonic clock and go on as
// they do when a machine's clock is set.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env['LAB_MISBEHAVE'];
const RealDate = Date;
let skewMs = 0;

class SkewedDate extends RealDate {
  constructor(...args: readonly unknown[]) {
    if (args.length === 0) super(SkewedDate.now());
    else super(...(args as [number]));
  }
  static override now(): number {
    return RealDate.now() + skewMs;
  }
}

if (folder !== undefined) {
  globalThis.Date = SkewedDate as DateConstructor;
  process.on('SIGUSR2', () => {
    const order = JSON.parse(readFileSync(join(folder, `${process.pid}.json`), 'utf8')) as { blockMs?: number; skewMs?: number };
    if (order.skewMs !== undefined && order.skewMs !== skewMs) {
      skewMs = order.skewMs;
      // Whoever reads the log has to know which of its times to believe.
      process.stderr.write(
        `${JSON.stringify({ level: 'info', skewMs, msg: 'the laboratory has moved the wall clock of this process' })}\n`,
      );
    }
    if (order.blockMs) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, order.blockMs);
  });
  writeFileSync(join(folder, `${process.pid}.ready`), '');
}
