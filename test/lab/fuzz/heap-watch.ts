/** Looks at the memory so often in each entrance's share; more would only cost time. */
const LOOKS = 24;
/** What may be more at the end of an entrance than after its warm-up: caches, and what the collector has not given back. */
const ALLOWED_MIB = 12;
const MIB = 1_048_576;

interface Point {
  readonly inputs: number;
  readonly mib: number;
}

/**
 * Whether the memory stays flat: what is reachable after a forced collection, over the inputs of each entrance, without the first third.
 * Without `--expose-gc` nothing is said.
 */
export class HeapWatch {
  private readonly series = new Map<string, Point[]>();

  /** Gives what is to be called with the number of inputs so far. */
  of(entrance: string, inputs: number): (soFar: number) => void {
    const points: Point[] = [];
    this.series.set(entrance, points);
    let next = 0;
    return (soFar) => {
      if (soFar < next || globalThis.gc === undefined) return;
      next = soFar + inputs / LOOKS;
      globalThis.gc();
      const { heapUsed, external } = process.memoryUsage();
      points.push({ inputs: soFar, mib: (heapUsed + external) / MIB });
    };
  }

  /** What has grown, or `undefined`. */
  verdict(): string | undefined {
    const grown = [...this.series].flatMap(([name, points]) => {
      const by = growthOf(points);
      return by > ALLOWED_MIB ? [`${name}: ${by.toFixed(1)} MiB more at its end than after its warm-up (allowed: ${ALLOWED_MIB})`] : [];
    });
    return grown.length > 0 ? grown.join('\n') : undefined;
  }

  figures(): Record<string, number> {
    const growths = [...this.series.values()].map(growthOf);
    if (growths.length === 0) return {};
    return {
      'growth of the heap at most, MiB': Math.round(Math.max(...growths) * 10) / 10,
      'resident memory at the end, MiB': Math.round(process.memoryUsage.rss() / MIB),
    };
  }
}

/** By the median of all slopes between two points (Theil–Sen), which one outlier does not move. */
function growthOf(points: readonly Point[]): number {
  const late = points.slice(Math.floor(points.length / 3));
  if (late.length < 6) return 0;
  const slopes = late.flatMap((one, at) => late.slice(at + 1).map((other) => (other.mib - one.mib) / (other.inputs - one.inputs)));
  const median = slopes.toSorted((a, b) => a - b)[slopes.length >> 1]!;
  return median * (late.at(-1)!.inputs - late[0]!.inputs);
}
