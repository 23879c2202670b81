import type { Chance } from '../kit/chance.js';
import type { Sighting } from './amqp-frames.js';
import type { Scene } from './scene.js';

/** One kind of trouble. */
export interface Fault {
  /** As in `nemesis.jsonl`. */
  readonly kind: string;
  /** Rows of the catalogue that it exercises. */
  readonly rows: readonly string[];
  /** How long it lasts. */
  readonly seconds: readonly [least: number, most: number];
  /** Messages get lost: their sagas wait for the next copy, so a short run ends without it. */
  readonly losesMessages?: true;
  /** Something that has to happen in every run comes of it: it is dealt early. */
  readonly isEssential?: true;
  /** A counter of the checker that has to be above zero when it has happened. */
  readonly shows?: string;
  /** What passes through the proxies when it has happened. */
  readonly sees?: Sighting;
  /** How long it takes to be over after its end, in seconds, where it is long: a server that starts. */
  readonly aftermath?: number;
  /** Draws whom it hits. Everything is drawn here, so that the seed decides the schedule before anything has happened. */
  aim(scene: Scene, chance: Chance, seconds: number): Aim;
}
/** A fault that knows whom it hits. */
export interface Aim {
  /** What it lays hands on: two faults that share one do not overlap. */
  readonly touches: readonly string[];
  readonly detail?: Readonly<Record<string, unknown>>;
  /** What it says is added to the log. */
  begin(): Promise<Readonly<Record<string, unknown>> | void>;
  /** Makes good what `begin` did, also if that failed half-way. What it says is added to the log. */
  end(): Promise<Readonly<Record<string, unknown>> | void>;
}
