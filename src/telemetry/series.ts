import type { Metric, Registry } from 'prom-client';

/** What a metric is called, and what it means. */
export interface Facts {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** A number that grows. */
export class Count {
  value = 0;

  add(more = 1): void {
    this.value += more;
  }
}

/** How large values were: how many were at most so large, for every bound, and their sum. */
export class Spread {
  readonly counts: number[];
  sum = 0;

  constructor(readonly bounds: readonly number[]) {
    this.counts = [...bounds, Infinity].map(() => 0);
  }

  record(value: number): void {
    let at = 0;
    while (at < this.bounds.length && value > this.bounds[at]!) at++;
    this.counts[at]! += 1;
    this.sum += value;
  }
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly metricName?: string;
}

/**
 * A metric with a number of its own for every combination of labels. prom-client's counters and histograms put their labels together to a
 * key and check them at every call, which is many times what counting costs; here that is done once, by `of`, and the registry reads the
 * numbers when it is asked. Whoever calls `of` sees to it that labels are bounded.
 */
abstract class Family<Child> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  abstract readonly type: 'counter' | 'histogram';
  private readonly children = new Map<string, { readonly labels: Sample['labels']; readonly child: Child }>();

  constructor(registry: Registry, { name, help, labels = [] }: Facts) {
    this.name = name;
    this.help = help;
    this.labelNames = labels;
    // What the registry needs of a metric is `name` and `get`.
    registry.registerMetric(this as unknown as Metric);
  }

  /** The number for these labels, in the order of their names; always the same one. */
  of(...values: readonly string[]): Child {
    const key = JSON.stringify(values);
    const known = this.children.get(key);
    if (known) return known.child;
    const labels = Object.fromEntries(this.labelNames.map((name, at) => [name, values[at]!]));
    const child = this.make();
    this.children.set(key, { labels, child });
    return child;
  }

  /** For the registry. */
  async get() {
    const { name, help, type } = this;
    const values = [...this.children.values()].flatMap(({ labels, child }) => this.samples(labels, child));
    return { name, help, type, aggregator: 'sum', values };
  }

  protected abstract make(): Child;
  protected abstract samples(labels: Sample['labels'], child: Child): readonly Sample[];
}

/** Numbers that grow. */
export class Counter extends Family<Count> {
  readonly type = 'counter';

  protected make(): Count {
    return new Count();
  }

  protected samples(labels: Sample['labels'], { value }: Count): readonly Sample[] {
    return [{ labels, value }];
  }
}

/** Distributions; `bounds` ascend. */
export class Histogram extends Family<Spread> {
  readonly type = 'histogram';
  private readonly bounds: readonly number[];

  constructor(registry: Registry, { bounds, ...facts }: Facts & { readonly bounds: readonly number[] }) {
    super(registry, facts);
    this.bounds = bounds;
  }

  protected make(): Spread {
    return new Spread(this.bounds);
  }

  protected samples(labels: Sample['labels'], { counts, sum }: Spread): readonly Sample[] {
    let count = 0;
    const buckets = counts.map((more, at): Sample => {
      count += more;
      return { metricName: `${this.name}_bucket`, labels: { ...labels, le: String(this.bounds[at] ?? '+Inf') }, value: count };
    });
    return [...buckets, { metricName: `${this.name}_sum`, labels, value: sum }, { metricName: `${this.name}_count`, labels, value: count }];
  }
}
