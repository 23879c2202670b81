/** Collects what arrives in pieces until whole frames are there. */
export class Frames<F> {
  private rest: Buffer = Buffer.alloc(0);

  /** `take` gives the frame at the beginning of the bytes, or nothing while it is not whole. */
  constructor(private readonly take: (bytes: Buffer) => { readonly frame: F; readonly length: number } | undefined) {}

  push(chunk: Buffer): F[] {
    let bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const frames: F[] = [];
    for (let taken = this.take(bytes); taken; taken = this.take(bytes)) {
      frames.push(taken.frame);
      bytes = bytes.subarray(taken.length);
      if (bytes.length === 0) break;
    }
    this.rest = bytes;
    return frames;
  }
}
