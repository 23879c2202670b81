#!/usr/bin/env -S node --max-semi-space-size=16 --heap-growing-percent=150
import { userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { LogOutput } from './log-output.js';
import { runProgram } from './program.js';

/** How long a daemon waits for somebody to read its last lines. */
const LAST_LINES_MS = 1_000;

// The reader of a pipe may go before the writer: `backstep list | head -1`. A daemon does its duty without anybody reading its log.
const isDaemon = ['serve', 'participants', 'dev'].includes(process.argv[2] ?? '');
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (!isDaemon) process.exit(error.code === 'EPIPE' ? 0 : 1);
});
process.stderr.on('error', () => {});
const [out, err] = isDaemon ? [new LogOutput(process.stdout), new LogOutput(process.stderr)] : [process.stdout, process.stderr];

const isTty = process.stdout.isTTY === true;
const code = await runProgram(process.argv.slice(2), {
  terminal: {
    out: (text) => void out.write(text),
    err: (text) => void err.write(text),
    isTty,
    isErrTty: process.stderr.isTTY === true,
    colors: isTty && !process.env['NO_COLOR'],
    get columns() {
      return process.stdout.columns ?? 120;
    },
    get rows() {
      return process.stdout.rows ?? 40;
    },
    input: process.stdin,
  },
  environment: process.env,
  process,
  user: userName(),
});
// Everything has been closed by now; what a library may have left behind must not keep the process.
process.exitCode = code;
const written = new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
await (isDaemon ? Promise.race([written, delay(LAST_LINES_MS)]) : written);
process.exit(code);

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
