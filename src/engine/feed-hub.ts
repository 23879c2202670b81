import { messageOf } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { FeedEntry, FeedPage, HistoryFeed } from '../ports/history-feed.js';
import type { Logger } from '../ports/logger.js';
import { pause } from './pause.js';

export interface FeedHubParts {
  readonly feed: HistoryFeed;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings?: Partial<FeedHubSettings>;
}
/** Durations in milliseconds. */
export interface FeedHubSettings {
  /** Between two looks while something happens. Default 50. */
  readonly leastPollMs: number;
  /** While nothing does; each look in vain doubles the pause up to this. Default 1,000. */
  readonly mostPollMs: number;
  /** Entries that are read at once. Default 500. */
  readonly pageSize: number;
  /** Entries that wait for a reader; one that falls further behind is cut. Default 2,000. */
  readonly mostWaiting: number;
  /** After so long without an entry a reader gets a place alone. Default 15,000. */
  readonly heartbeatMs: number;
}
const DEFAULTS: FeedHubSettings = { leastPollMs: 50, mostPollMs: 1_000, pageSize: 500, mostWaiting: 2_000, heartbeatMs: 15_000 };

/** What a reader gets: entries, perhaps none, and where to go on after them. */
export interface FeedPart {
  readonly entries: readonly FeedEntry[];
  readonly place: string;
}
export interface FeedReader {
  /** The next part, as soon as there is one, or a heartbeat. `undefined`: it is over. One call at a time. */
  next(): Promise<FeedPart | undefined>;
  /** Ends it; whoever waits for its next part gets none. */
  close(): void;
}
export interface FeedWish {
  /** Goes on after this place; `undefined`: from now on. */
  readonly after?: string | undefined;
  /** Entries that are wanted. */
  readonly wants: (entry: FeedEntry) => boolean;
  /** Called when it has fallen too far behind, and is over. */
  readonly cut: () => void;
}

/**
 * One look at the feed for all who follow it.
 * Owns: the looks, and what waits for each reader. Does not own: the feed, and what readers make of it.
 * Invariants: nobody reads, nothing is looked at; every reader gets everything that it wants after its place, once, in the feed's order, until it
 * ends or is cut.
 */
export class FeedHub {
  private readonly settings: FeedHubSettings;
  private readonly readers = new Set<Reader>();
  /** Where the looks are; set while they go on. */
  private place: string | undefined;
  private looking: AbortController | undefined;
  private stepping: Promise<void> = Promise.resolve();

  constructor(private readonly parts: FeedHubParts) {
    this.settings = { ...DEFAULTS, ...parts.settings };
  }

  /** Follows the feed. Throws SAGA_EVENTS_EXPIRED and SAGA_REQUEST_INVALID for a place, SAGA_UNAVAILABLE where the store does not answer. */
  async open({ after, wants, cut }: FeedWish): Promise<FeedReader> {
    const { feed, clock } = this.parts;
    // Shows what is wrong with a place before anything else begins.
    if (after !== undefined) await feed.read({ after, limit: 1 });
    // A place may come from another process, which was further on; after this no place that was ever given is.
    let page = await this.step();
    while (!page || page.isFull) page = await this.step();
    const reader: Reader = new Reader({ clock, settings: this.settings, wants, cut, forget: () => this.forget(reader) });
    // Synchronous from here on: no look may come between where the reader begins and its being there.
    const joined = (this.place ??= page.end);
    this.readers.add(reader);
    reader.begin(after ?? joined, (place) => feed.read({ after: place, until: joined, limit: this.settings.pageSize }));
    if (!this.looking) void this.look((this.looking = new AbortController()).signal);
    return reader;
  }

  /** Ends every reader. */
  stop(): void {
    for (const reader of this.readers) reader.close();
  }

  private forget(reader: Reader): void {
    this.readers.delete(reader);
    if (this.readers.size > 0) return;
    this.looking?.abort('nobody reads');
    this.looking = undefined;
    this.place = undefined;
  }

  /** One page further; one at a time. `undefined`: it has to be done again, from elsewhere. */
  private step(): Promise<FeedPage | undefined> {
    const stepped = this.stepping.then(() => this.readOn());
    this.stepping = stepped.then(
      () => {},
      () => {},
    );
    return stepped;
  }

  private async readOn(): Promise<FeedPage | undefined> {
    const { feed } = this.parts;
    const from = this.place;
    const page = await feed.read({ after: from ?? (await feed.end()), limit: this.settings.pageSize });
    // Everybody left meanwhile, and others may have come.
    if (this.place !== from) return undefined;
    if (this.readers.size > 0) this.place = page.end;
    for (const reader of this.readers) reader.offer(page.entries, page.end);
    return page;
  }

  private async look(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.parts;
    const { leastPollMs, mostPollMs } = this.settings;
    let waitMs = leastPollMs;
    let hasFailed = false;
    while (!signal.aborted) {
      await pause(clock, waitMs, signal);
      if (signal.aborted) return;
      try {
        const page = await this.step();
        hasFailed = false;
        if (!page || page.isFull) waitMs = 0;
        else waitMs = page.entries.length > 0 ? leastPollMs : Math.min(mostPollMs, Math.max(leastPollMs, waitMs * 2));
      } catch (error: unknown) {
        if (!hasFailed) logger.warn({ error: messageOf(error) }, 'the feed cannot be read; whoever follows it waits');
        hasFailed = true;
        waitMs = mostPollMs;
      }
    }
  }
}

interface ReaderParts {
  readonly clock: Clock;
  readonly settings: FeedHubSettings;
  readonly wants: (entry: FeedEntry) => boolean;
  readonly cut: () => void;
  readonly forget: () => void;
}
type Before = (place: string) => Promise<FeedPage>;

/**
 * Owns: what waits for one reader. Invariant: what it missed before it joined is told before anything that came since.
 */
class Reader implements FeedReader {
  private waiting: FeedEntry[] = [];
  /** After everything that waits. */
  private place = '';
  /** How far it has come with what it missed; `undefined`: that is told. */
  private missed: string | undefined;
  private before!: Before;
  private isOver = false;
  private hasBegun = false;
  private wake: () => void = () => {};

  constructor(private readonly parts: ReaderParts) {}

  begin(place: string, before: Before): void {
    this.missed = place;
    this.place = place;
    this.before = before;
  }

  offer(entries: readonly FeedEntry[], place: string): void {
    const wanted = entries.filter(this.parts.wants);
    this.place = place;
    if (wanted.length === 0) return;
    if (this.waiting.length + wanted.length > this.parts.settings.mostWaiting) {
      this.close();
      return this.parts.cut();
    }
    this.waiting.push(...wanted);
    this.wake();
  }

  async next(): Promise<FeedPart | undefined> {
    if (this.isOver) return undefined;
    // Who is given a place at once can go on from it although nothing has happened yet.
    if (!this.hasBegun) {
      this.hasBegun = true;
      return { entries: [], place: this.missed! };
    }
    while (this.missed !== undefined) {
      const part = await this.missedPart(this.missed);
      if (part || this.isOver) return part;
    }
    if (this.waiting.length === 0) await this.quiet();
    if (this.isOver) return undefined;
    const entries = this.waiting;
    this.waiting = [];
    return { entries, place: entries.at(-1)?.place ?? this.place };
  }

  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.waiting = [];
    this.parts.forget();
    this.wake();
  }

  private async missedPart(after: string): Promise<FeedPart | undefined> {
    const { entries, end, isFull } = await this.before(after);
    if (this.isOver) return undefined;
    this.missed = isFull ? end : undefined;
    const wanted = entries.filter(this.parts.wants);
    return wanted.length > 0 ? { entries: wanted, place: wanted.at(-1)!.place } : undefined;
  }

  private async quiet(): Promise<void> {
    const woken = new AbortController();
    this.wake = () => woken.abort('woken');
    await pause(this.parts.clock, this.parts.settings.heartbeatMs, woken.signal);
    this.wake = () => {};
  }
}
