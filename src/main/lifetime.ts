import { messageOf } from '../core/errors.js';
import type { Logger } from '../ports/logger.js';

/** Something that runs until it is stopped. */
export interface Running {
  /** Finishes what is under way and gives everything back. */
  stop(): Promise<void>;
}

/** A stop that takes longer is cut short: nothing is lost by it, only done again elsewhere. */
export const DRAIN_MS = 10_000;

/** Signals that come together are one: Ctrl-C reaches a process from the terminal and once more from npm. */
const TOGETHER_MS = 500;

/** The part of `process` that ends processes. */
export interface ProcessEvents {
  on(event: 'SIGTERM' | 'SIGINT', listener: (signal: NodeJS.Signals) => void): unknown;
  on(event: 'unhandledRejection' | 'uncaughtException', listener: (error: unknown) => void): unknown;
  exit(code: number): void;
}

/**
 * Starts something and runs it until SIGTERM or SIGINT, then stops it and gives exit code 0. A second signal ends the process at once. An
 * error that nobody caught is a bug that leaves this process in a state nobody knows: it is logged, what is under way is finished, and
 * the exit code is 1, so that whoever supervises the process starts a fresh one.
 */
export async function runUntilStopped(
  process: ProcessEvents,
  logger: Logger,
  start: () => Promise<Running>,
  now: () => number = () => performance.now(),
): Promise<number> {
  const ended = endOf(process, logger, now);
  const running = await Promise.race([start(), ended.then(() => undefined)]);
  const code = await ended;
  if (running) await within(DRAIN_MS, running.stop(), logger);
  return code;
}

/** A signal that the first SIGTERM or SIGINT aborts; a second one ends the process at once, as in {@link runUntilStopped}. */
export function untilInterrupted(process: ProcessEvents, now: () => number = () => performance.now()): AbortSignal {
  const interrupted = new AbortController();
  onStop(process, now, () => interrupted.abort());
  return interrupted.signal;
}

function onStop(process: ProcessEvents, now: () => number, stop: (signal: NodeJS.Signals) => void): void {
  let firstAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstAt !== undefined) {
      if (now() - firstAt >= TOGETHER_MS) process.exit(signal === 'SIGINT' ? 130 : 143);
      return;
    }
    firstAt = now();
    stop(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

function endOf(process: ProcessEvents, logger: Logger, now: () => number): Promise<number> {
  return new Promise((resolve) => {
    onStop(process, now, (signal) => {
      logger.info({ signal }, 'stopping: what is under way is finished first; a second signal ends at once');
      resolve(0);
    });
    const onBug = (kind: string) => (error: unknown) => {
      logger.error({ error: error instanceof Error ? (error.stack ?? error.message) : messageOf(error) }, `${kind}: a bug; stopping`);
      resolve(1);
    };
    process.on('unhandledRejection', onBug('unhandled rejection'));
    process.on('uncaughtException', onBug('uncaught exception'));
  });
}

async function within(ms: number, stopped: Promise<void>, logger: Logger): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      logger.warn({ ms }, 'stopping took too long and was cut short; what was under way is done again by the next process');
      resolve();
    }, ms);
  });
  try {
    await Promise.race([stopped, late]);
  } catch (error: unknown) {
    logger.warn({ error: messageOf(error) }, 'stopping failed');
  } finally {
    clearTimeout(timer);
  }
}
