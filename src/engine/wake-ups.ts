/** Instants closer together than this are one wake-up. */
const GRAIN_MS = 20;

/**
 * When this process should look at the timers because it knows of one itself, ahead of the regular look: short backoffs and timeouts
 * then fire near their time. Only the near future is kept; whatever is further away is left to the regular look.
 * Invariant: at most `horizonMs` / 20 instants are kept, however many timers there are.
 */
export class WakeUps {
  private readonly grains = new Set<number>();

  constructor(private readonly horizonMs: number) {}

  /** False: too far away to be kept. */
  add(at: number, now: number): boolean {
    if (at - now > this.horizonMs) return false;
    this.grains.add(Math.ceil(Math.max(at, now) / GRAIN_MS));
    return true;
  }

  /** Milliseconds until the next one; `undefined`: none. */
  nextIn(now: number): number | undefined {
    let first = Infinity;
    for (const grain of this.grains) if (grain < first) first = grain;
    return first === Infinity ? undefined : Math.max(0, first * GRAIN_MS - now);
  }

  /** Forgets those that have come. */
  passed(now: number): void {
    for (const grain of this.grains) if (grain * GRAIN_MS <= now) this.grains.delete(grain);
  }
}
