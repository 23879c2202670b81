import { writeSync } from 'node:fs';
import { Socket } from 'node:net';

/** The part of a standard stream that a log needs. */
export interface LogStream {
  readonly fd: number;
  readonly destroyed: boolean;
  readonly writableLength: number;
  write(text: string): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** So much may wait for whoever reads the log. */
const MAX_WAITING = 1_048_576;

/**
 * Writes lines of a log where they may not be taken: into a pipe that nobody reads any more, or not at all; onto a disk that is full.
 * Owns: how many lines were lost, which it says as soon as one is taken again. Does not own the stream.
 * Invariants: never throws and never waits; what waits is bounded.
 */
export class LogOutput {
  private lost = 0;
  private readonly take: (text: string) => boolean;

  constructor(
    stream: LogStream,
    private readonly now: () => Date = () => new Date(),
  ) {
    stream.on('error', () => {});
    // Whatever is no socket (a pipe is one) is written synchronously, and a stream that failed once would be closed for good.
    this.take = stream instanceof Socket ? (text) => intoStream(stream, text) : (text) => intoFile(stream.fd, text);
  }

  write(line: string): void {
    if (this.lost > 0) {
      if (!this.take(this.confession())) {
        this.lost += 1;
        return;
      }
      this.lost = 0;
    }
    if (!this.take(line)) this.lost += 1;
  }

  /** Begins with a line's end: the last line may have been written in part. */
  private confession(): string {
    const fields = { level: 'warn', time: this.now().toISOString(), lines: this.lost };
    return `\n${JSON.stringify({ ...fields, msg: 'lines of the log were lost: nobody read them, or there was no room for them' })}\n`;
  }
}

function intoStream(stream: LogStream, text: string): boolean {
  if (stream.destroyed || stream.writableLength > MAX_WAITING) return false;
  stream.write(text);
  return true;
}

function intoFile(fd: number, text: string): boolean {
  try {
    for (let rest = Buffer.from(text); rest.length > 0;) rest = rest.subarray(writeSync(fd, rest));
    return true;
  } catch {
    return false;
  }
}
