export type Points = readonly (readonly [at: number, value: number])[];

/** The median of the slopes between any two points (Theil–Sen), for each unit of x: what a collector's sawtooth does not move. */
export function steadySlope(points: Points): number {
  const thinned = thin(points, 300);
  const slopes: number[] = [];
  for (let one = 0; one < thinned.length; one++)
    for (let other = one + 1; other < thinned.length; other++) {
      const run = thinned[other]![0] - thinned[one]![0];
      if (run > 0) slopes.push((thinned[other]![1] - thinned[one]![1]) / run);
    }
  return slopes.length === 0 ? 0 : slopes.sort((a, b) => a - b)[slopes.length >> 1]!;
}

/** At most so many of them, evenly. */
function thin(points: Points, most: number): Points {
  const step = Math.ceil(points.length / most);
  return step <= 1 ? points : points.filter((_, at) => at % step === 0);
}

/** Those between two parts of the whole, e.g. `part(points, 1 / 3, 1)` for the last two thirds. */
export function part(points: Points, from: number, to: number): Points {
  if (points.length === 0) return points;
  const [first, last] = [points[0]![0], points.at(-1)![0]];
  const at = (fraction: number) => first + (last - first) * fraction;
  return points.filter(([x]) => x >= at(from) && x <= at(to));
}

export function most(points: Points): number {
  return points.reduce((high, [, value]) => Math.max(high, value), 0);
}

/** How a counter rises, for each second, between neighbours. */
export function ratesOf(points: Points): Points {
  return points.slice(1).flatMap(([at, value], before) => {
    const [since, was] = points[before]!;
    return at > since ? [[at, Math.max(0, (value - was) / ((at - since) / 1_000))] as const] : [];
  });
}
