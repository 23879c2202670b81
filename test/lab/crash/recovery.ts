import type { Site } from './site.js';

/** How a site got going again after an instant. */
export interface Recovery {
  /** Milliseconds until the first of the sagas that were under way moved on. */
  readonly firstMs: number | undefined;
  /** Until the last of them did. */
  readonly lastMs: number | undefined;
  /** Sagas that were under way. */
  readonly sagas: number;
}

/** Reads the history: for sagas that were begun before the instant and moved on after it, when they did. */
export async function recoverySince({ lab }: Site, at: number): Promise<Recovery> {
  const [row] = await lab.query<{ first: number | null; last: number | null; sagas: string }>(
    `select min(next) - $1 as first, max(next) - $1 as last, count(*) as sagas
     from (select min(date_part('epoch', at) * 1000) filter (where at > to_timestamp($1::float8 / 1000)) as next
           from ${lab.namespace}.saga_history group by saga_id
           having min(at) <= to_timestamp($1::float8 / 1000) and max(at) > to_timestamp($1::float8 / 1000)) moved`,
    [at],
  );
  const rounded = (ms: number | null | undefined) => (ms === null || ms === undefined ? undefined : Math.max(0, Math.round(ms)));
  return { firstMs: rounded(row?.first), lastMs: rounded(row?.last), sagas: Number(row?.sagas ?? 0) };
}

/** The value below which so many of a hundred are; `undefined` of nothing. */
export function percentile(values: readonly number[], hundredth: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((hundredth / 100) * sorted.length) - 1)];
}
