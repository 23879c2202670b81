import type { Clock } from '../ports/clock.js';
import type { IncomingPage, IncomingStart, IncomingStarts, Stranger, WrittenStart } from '../ports/incoming-starts.js';
import type { DefinitionRef } from '../ports/saga-store.js';

interface Row {
  readonly start: WrittenStart;
  readonly at: number;
}

/** Incoming starts in this process; they belong to a store in memory, which takes them out as their sagas begin. */
export class InMemoryIncomingStarts implements IncomingStarts {
  private readonly rows = new Map<string, Row>();
  private readonly watching = new Set<() => void>();

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly hash: (text: string) => string = () => '',
    private readonly isSaga: (id: string) => boolean = () => false,
  ) {}

  /** What the commit of a client's transaction does. */
  add(...starts: readonly WrittenStart[]): void {
    for (const start of starts) this.rows.set(start.id, { start, at: this.clock.now() });
    for (const arrived of this.watching) arrived();
  }

  has(id: string): boolean {
    return this.rows.has(id);
  }
  /** Gives what puts it back. */
  take(id: string): () => void {
    const row = this.rows.get(id);
    this.rows.delete(id);
    return () => void (row && this.rows.set(id, row));
  }

  async read({ after, limit, versions, inputLength }: IncomingPage): Promise<readonly IncomingStart[]> {
    const found = [...this.rows.values()].filter(({ start }) => start.id > after && isAmong(start, versions));
    return found
      .toSorted((a, b) => (a.start.id < b.start.id ? -1 : 1))
      .slice(0, limit)
      .map(({ start }) => this.cut(start, inputLength));
  }

  async strangers(versions: readonly DefinitionRef[], waitedMs: number): Promise<readonly Stranger[]> {
    const counted = new Map<string, Stranger>();
    const before = this.clock.now() - waitedMs;
    for (const { start, at } of this.rows.values()) {
      if (at > before || isAmong(start, versions)) continue;
      const { name, version } = start;
      const which = `${name} ${version ?? ''}`;
      counted.set(which, { name, version, count: (counted.get(which)?.count ?? 0) + 1 });
    }
    return [...counted.values()].toSorted((a, b) =>
      a.name === b.name ? (a.version ?? Infinity) - (b.version ?? Infinity) : a.name < b.name ? -1 : 1,
    );
  }

  async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.rows.delete(id);
  }

  async restore(start: WrittenStart): Promise<void> {
    if (!this.rows.has(start.id) && !this.isSaga(start.id)) this.add(start);
  }

  watch(arrived: () => void): () => Promise<void> {
    this.watching.add(arrived);
    return async () => void this.watching.delete(arrived);
  }

  private cut(start: WrittenStart, length: number): IncomingStart {
    const { input } = start;
    if (input.length <= length) return { ...start, whole: undefined };
    return { ...start, input: input.slice(0, length), whole: { bytes: new TextEncoder().encode(input).length, sha256: this.hash(input) } };
  }
}

function isAmong({ name, version }: Pick<IncomingStart, 'name' | 'version'>, versions: readonly DefinitionRef[]): boolean {
  return versions.some((known) => known.name === name && (version === null || known.version === version));
}
