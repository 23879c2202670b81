/** How often things happened, by name: a run in which what it is about never happened proves nothing. */
export class Counters {
  private readonly counts = new Map<string, number>();

  add(name: string, times = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + times);
  }
  get(name: string): number {
    return this.counts.get(name) ?? 0;
  }
  merge(other: Readonly<Record<string, number>>): void {
    for (const [name, times] of Object.entries(other)) this.add(name, times);
  }
  toObject(): Record<string, number> {
    return Object.fromEntries([...this.counts].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }
}
