import type { Chance } from '../kit/chance.js';
import type { Aim, Fault } from './fault.js';
import type { Scene } from './scene.js';

/** A fault with its time and its victim. Seconds count from the first fault on. */
export interface Planned {
  readonly number: number;
  readonly at: number;
  readonly seconds: number;
  readonly fault: Fault;
  readonly aim: Aim;
}

export interface ScheduleOptions {
  readonly faults: readonly Fault[];
  readonly minutes: number;
  /** Faults per minute. */
  readonly rate: number;
  /** At most so many at a time. Default 3. */
  readonly together?: number;
}

/** In the last part of a run no message is lost for good: what was lost is sent again only after 30 s, and then more and more seldom. */
const CALM_SECONDS = 75;

/**
 * The whole schedule, decided by chance alone. Kinds are dealt like cards, so that each comes once before any comes twice; those that lay
 * hands on the same thing do not overlap, others do.
 */
export function schedule(scene: Scene, chance: Chance, { faults, minutes, rate, together = 3 }: ScheduleOptions): readonly Planned[] {
  const end = minutes * 60;
  const gap = 60 / rate;
  const planned: (Planned & { readonly overAt: number })[] = [];
  let deck: Fault[] = [];
  let number = 0;
  for (let at = 0; at < end; at += gap * (0.5 + chance.next())) {
    const active = planned.filter(({ overAt }) => overAt > at);
    if (active.length >= together) continue;
    const taken = new Set(active.flatMap(({ aim }) => aim.touches));
    if (deck.length === 0) deck = dealt(faults, chance);
    // The deck is a queue: what does not fit now comes next.
    for (const fault of deck) {
      const [least, most] = fault.seconds;
      const seconds = least + chance.next() * (most - least);
      const isTooLate = at + seconds > end || (fault.losesMessages && minutes < 10 && at > Math.max(20, end - CALM_SECONDS));
      const aim = fault.aim(scene, chance, seconds);
      if (isTooLate || aim.touches.some((touched) => taken.has(touched))) continue;
      deck = deck.filter((one) => one !== fault);
      planned.push({ number: ++number, at, seconds, fault, aim, overAt: at + seconds + (fault.aftermath ?? 0) });
      break;
    }
    // What is too late for its kind would hold the deck up for ever.
    if (deck.length > 0 && deck.every(({ losesMessages }) => losesMessages) && at > end - CALM_SECONDS) deck = [];
  }
  return planned;
}

/** Shuffled, those that every run needs in the first part. */
function dealt(faults: readonly Fault[], chance: Chance): Fault[] {
  const places = faults.map((fault) => ({ fault, place: chance.next() * (fault.isEssential ? 0.5 : 1) }));
  return places.toSorted((a, b) => a.place - b.place).map(({ fault }) => fault);
}
