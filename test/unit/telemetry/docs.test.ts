import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { ParticipantDeclaration } from '../../../src/saga/participant-declaration.js';
import { namesIn } from '../../../src/core/wire.js';
import { CLASS_NAMES } from '../../../src/telemetry/dead-letter-series.js';
import { processRegistry } from '../../../src/telemetry/metrics.js';
import { Api } from '../http/api.js';

interface Described {
  readonly name: string;
  readonly type: string;
  readonly labels: string;
  readonly help: string;
}
const byName = (one: Described, other: Described) => (one.name < other.name ? -1 : 1);

/** Every metric that a process with an engine and participants has. */
async function registered(): Promise<readonly Described[]> {
  const { metrics } = new Api();
  metrics.participants([{ participant: 'p', commands: new Map() } as unknown as ParticipantDeclaration], namesIn('backstep'));
  const labelsOf = new Map(
    metrics.registry
      .getMetricsAsArray()
      .map((metric) => [metric.name, (metric as unknown as { labelNames: readonly string[] }).labelNames]),
  );
  return (await metrics.registry.getMetricsAsJSON()).map(({ name, type, help }) => ({
    name,
    type: String(type),
    labels: labelsOf.get(name)!.join(', '),
    help,
  }));
}

/** Names in an expression, without what a histogram adds to its own. */
const metricsIn = (text: string): string[] => [...text.matchAll(/\b((?:backstep|nodejs|process)_[a-z0-9_]+)\b/g)].map(([, name]) => name!);
const page = readFileSync('docs/metrics.md', 'utf8');
const alerts = readFileSync('docs/prometheus/alerts.yml', 'utf8');
const dashboard = JSON.parse(readFileSync('docs/grafana/backstep.json', 'utf8')) as {
  readonly panels: readonly { readonly id: number; readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
};

async function faultsIn(names: readonly string[]): Promise<readonly string[]> {
  const ours = await registered();
  const ofProcess = (await processRegistry().getMetricsAsJSON()).map(({ name }) => name);
  const histograms = ours
    .filter(({ type }) => type === 'histogram')
    .flatMap(({ name }) => ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`));
  const known = new Set([...ours.map(({ name }) => name), ...histograms, ...ofProcess]);
  return names.filter((name) => !known.has(name));
}

describe('docs/metrics.md', () => {
  it('lists every metric with its type, labels and meaning, and no other', async () => {
    const rows = [...page.matchAll(/^\| `(backstep_\w+)` \| (\w+) \| ([^|]*?) ?\| ([^|]+) \|/gm)];
    const listed = rows.map(([, name, type, labels, help]) => ({
      name: name!,
      type: type!,
      labels: labels!.replaceAll('`', ''),
      help: help!,
    }));
    expect(listed.toSorted(byName)).toEqual((await registered()).toSorted(byName));
  });

  it('names no metric that there is not', async () => {
    expect(await faultsIn(metricsIn(page))).toEqual([]);
  });

  it('names every class of reasons', () => {
    for (const name of CLASS_NAMES) expect(page).toContain(`\`${name}\``);
  });
});

describe('the alert rules and the dashboard', () => {
  const expressionsIn = (yaml: string) =>
    [...yaml.matchAll(/^ {8}expr: (?:>-\n((?: {10}.*\n)+)|(.+)\n)/gm)].map(([, block, line]) => block ?? line!);
  const expressions = [...expressionsIn(alerts), ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))];

  it('use only metrics that there are', async () => {
    expect(expressionsIn(alerts)).toHaveLength([...alerts.matchAll(/- alert: /g)].length);
    for (const expression of expressions) expect(metricsIn(expression).length).toBeGreaterThan(0);
    expect(await faultsIn(metricsIn([...expressions, alerts].join('\n')))).toEqual([]);
  });

  it('use only labels that these have', async () => {
    const labels = new Set((await registered()).flatMap(({ labels: names }) => names.split(', ')));
    const used = expressions.flatMap((expression) => [
      ...[...expression.matchAll(/by \(([^)]+)\)/g)].flatMap(([, names]) => names!.split(', ')),
      ...[...expression.matchAll(/[{,]\s*([a-z]+)=/g)].map(([, name]) => name!),
    ]);
    expect(used.filter((name) => !labels.has(name) && !['le', 'instance'].includes(name))).toEqual([]);
  });

  it('have brackets that close, and panels that are told apart', () => {
    for (const expression of expressions) {
      for (const [open, close] of ['()', '{}', '[]']) expect(expression.split(open!)).toHaveLength(expression.split(close!).length);
    }
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
