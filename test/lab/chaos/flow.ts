import type { Socket } from 'node:net';

/** What is done to the bytes of one direction. */
export interface Shape {
  /** Nothing passes, nobody is told: also not of an end. */
  isStalled: boolean;
  delayMs: number;
  bytesPerSecond: number;
}
export const STRAIGHT: Readonly<Shape> = { isStalled: false, delayMs: 0, bytesPerSecond: Infinity };

/** So much is held before the sender is made to wait. */
const HELD_AT_MOST = 1_048_576;

/**
 * One direction of one connection behind whatever looks into its frames. Owns what is held back and when it is let go. Does not own the
 * sockets: `reset` ends both. Invariant: bytes leave in the order in which they came, or not at all.
 */
export class Flow {
  private readonly held: { readonly dueAt: number; readonly bytes: Buffer }[] = [];
  private heldBytes = 0;
  private freeAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private isSevered = false;
  private hasEnded = false;
  private heldUntil = 0;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly shape: Readonly<Shape>,
    private readonly reset: () => void,
  ) {
    to.on('drain', () => this.changed());
  }

  write(bytes: Buffer): void {
    if (this.isSevered || bytes.length === 0) return;
    const now = performance.now();
    this.freeAt = Math.max(now, this.freeAt) + (bytes.length / this.shape.bytesPerSecond) * 1_000;
    this.held.push({ dueAt: this.freeAt + this.shape.delayMs, bytes });
    this.heldBytes += bytes.length;
    this.changed();
  }

  /** Whoever sends here will send nothing more. */
  end(): void {
    this.hasEnded = true;
    this.changed();
  }

  /** Nothing passes any more from here on; the connection is reset a little later, as if the wire had been cut now. */
  sever(resetAfterMs: number): void {
    if (this.isSevered) return;
    this.isSevered = true;
    setTimeout(this.reset, resetAfterMs).unref();
  }

  /** Passes what is held, then `bytes`, then resets. */
  lastWords(bytes: Buffer): void {
    this.isSevered = true;
    for (const { bytes: held } of this.held.splice(0)) this.to.write(held);
    this.to.write(bytes, () => this.reset());
  }

  /** Passes nothing for a while, but loses nothing. */
  hold(ms: number): void {
    this.heldUntil = performance.now() + ms;
    this.changed();
  }

  /** Lets go of what may go: to be called whenever the shape has changed. */
  changed(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.to.destroyed) return;
    const now = performance.now();
    const wait = this.heldUntil - now;
    if (!this.shape.isStalled && wait <= 0) this.letGo(now);
    const [next] = this.held;
    if (!this.shape.isStalled && next && !this.to.writableNeedDrain)
      this.timer = setTimeout(() => this.changed(), Math.max(1, wait, next.dueAt - now)).unref();
    const isFull = this.heldBytes > HELD_AT_MOST || this.to.writableNeedDrain;
    if (isFull) this.from.pause();
    else if (this.from.isPaused()) this.from.resume();
    if (this.hasEnded && !next && !this.shape.isStalled && !this.isSevered) this.to.end();
  }

  close(): void {
    clearTimeout(this.timer);
    this.held.length = 0;
  }

  private letGo(now: number): void {
    for (let [next] = this.held; next && next.dueAt <= now && !this.to.writableNeedDrain; [next] = this.held) {
      this.held.shift();
      this.heldBytes -= next.bytes.length;
      this.to.write(next.bytes);
    }
  }
}
