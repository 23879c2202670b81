// Loaded into a process before anything else (`node --import`), to make it odd as its environment says:
// ODD_CLOCK_MS   the wall clock is off by so much; the monotonic clock and timers are as they are
// ODD_BLOCK_MS   SIGUSR2 keeps the event loop busy for so long
const off = Number(process.env['ODD_CLOCK_MS'] ?? 0);
if (off !== 0) {
  const RealDate = Date;
  const OddDate = class extends RealDate {
    /** @param {any[]} parts */
    constructor(...parts) {
      if (parts.length === 0) super(RealDate.now() + off);
      // @ts-expect-error The real constructor takes what it takes.
      else super(...parts);
    }
    /** @override */
    static now() {
      return RealDate.now() + off;
    }
  };
  globalThis.Date = /** @type {DateConstructor} */ (/** @type {unknown} */ (OddDate));
}

const blockMs = Number(process.env['ODD_BLOCK_MS'] ?? 0);
if (blockMs > 0) {
  process.on('SIGUSR2', () => {
    const until = performance.now() + blockMs;
    while (performance.now() < until);
  });
}
