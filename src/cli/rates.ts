import type { OverviewView } from '../http/schemas.js';

export type DefinitionCounts = OverviewView['definitions'][number];
/** A second; `null`: not known, since there is no look before, or it was too long ago. */
export interface Rates {
  readonly started: number | null;
  readonly ended: number | null;
}
/** One look with what follows from the one before. */
export interface Look {
  readonly at: string;
  readonly inFlight: number;
  readonly rates: Rates;
  readonly definitions: readonly (DefinitionCounts & { readonly inFlight: number; readonly rates: Rates })[];
  readonly oldest: OverviewView['oldest'];
  readonly stuck: OverviewView['stuck'];
}

const NOT_KNOWN: Rates = { started: null, ended: null };

/** What began since the look before is told; what ended is what began and is not in flight any more. */
export function compare(now: OverviewView, before: OverviewView | undefined): Look {
  const seconds = before ? (Date.parse(now.at) - Date.parse(before.at)) / 1_000 : 0;
  const definitions = now.definitions.map((one) => {
    const earlier = before?.definitions.find(({ name, version }) => name === one.name && version === one.version);
    const inFlight = inFlightOf(one);
    return { ...one, inFlight, rates: ratesOf(one.started, inFlight - (earlier ? inFlightOf(earlier) : 0), seconds) };
  });
  const inFlight = sum(definitions.map((one) => one.inFlight));
  const earlier = sum((before?.definitions ?? []).map(inFlightOf));
  const isCounted = definitions.every(({ started }) => started !== undefined);
  const started = isCounted ? sum(definitions.map((one) => one.started ?? 0)) : undefined;
  const { at, oldest, stuck } = now;
  return { at, inFlight, rates: ratesOf(started, inFlight - earlier, seconds), definitions, oldest, stuck };
}

function inFlightOf({ running, compensating, suspended, stuck }: DefinitionCounts): number {
  return running + compensating + suspended + stuck;
}

/** A saga that is just being committed may be counted by one look and not by the other; nothing ends less than not at all. */
function ratesOf(started: number | undefined, more: number, seconds: number): Rates {
  if (started === undefined || seconds <= 0) return NOT_KNOWN;
  return { started: perSecond(started, seconds), ended: perSecond(Math.max(0, started - more), seconds) };
}

function perSecond(count: number, seconds: number): number {
  return Math.round((count / seconds) * 10) / 10;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
