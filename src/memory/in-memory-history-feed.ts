import { SagaError } from '../core/errors.js';
import type { HistoryEntry } from '../core/event.js';
import type { Clock } from '../ports/clock.js';
import { FEED_REACH_MS, type FeedEntry, type FeedPage, type FeedQuery, type HistoryFeed } from '../ports/history-feed.js';

interface Line {
  readonly sagaId: string;
  /** JSON. */
  readonly entry: string;
}
/** What the feed says of a saga. */
export type SagaFacts = Pick<FeedEntry, 'name' | 'version' | 'status'>;

/** The feed in this process: transactions never overlap, so what is there is certain, and a place is a number of lines. */
export class InMemoryHistoryFeed implements HistoryFeed {
  private readonly lines: Line[] = [];

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly factsOf: (sagaId: string) => SagaFacts | undefined,
  ) {}

  /** Gives what takes it back; only the last one may be. */
  append(sagaId: string, entry: string): () => void {
    this.lines.push({ sagaId, entry });
    return () => void this.lines.pop();
  }

  async end(): Promise<string> {
    return this.placeAfter(this.lines.length);
  }

  async read({ after, until, limit }: FeedQuery): Promise<FeedPage> {
    const from = this.placeIn(after);
    if (from.at < this.clock.now() - FEED_REACH_MS || from.lines > this.lines.length)
      throw new SagaError('SAGA_EVENTS_EXPIRED', 'this Last-Event-ID is too old, or of another process; begin anew without it');
    const most = until === undefined ? this.lines.length : this.placeIn(until).lines;
    const end = Math.min(from.lines + limit, Math.max(most, from.lines));
    const entries = this.lines.slice(from.lines, end).flatMap((line, at) => this.entryOf(line, from.lines + at + 1));
    return { entries, end: this.placeAfter(end), isFull: end - from.lines === limit };
  }

  /** A saga that was removed meanwhile has nothing to tell any more. */
  private entryOf({ sagaId, entry }: Line, lines: number): FeedEntry[] {
    const facts = this.factsOf(sagaId);
    return facts ? [{ place: this.placeAfter(lines), sagaId, ...facts, entry: JSON.parse(entry) as HistoryEntry }] : [];
  }

  private placeAfter(lines: number): string {
    return Buffer.from(`${this.clock.now()}:${lines}`).toString('base64url');
  }

  private placeIn(text: string): { readonly at: number; readonly lines: number } {
    const [, at, lines] = /^(\d{1,16}):(\d{1,15})$/.exec(Buffer.from(text, 'base64url').toString()) ?? [];
    if (at === undefined) throw new SagaError('SAGA_REQUEST_INVALID', 'the Last-Event-ID is not one that the feed gave');
    return { at: Number(at), lines: Number(lines) };
  }
}
