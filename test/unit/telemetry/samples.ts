/** The numbers of a scrape, by name and labels as the text has them: `backstep_sagas_started_total{saga="test-saga"}`. */
export function samplesIn(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

/** Those of one metric that are not 0, by their labels. */
export function seriesOf(text: string, name: string): Record<string, number> {
  const found = [...samplesIn(text)].filter(([key, value]) => (key === name || key.startsWith(`${name}{`)) && value !== 0);
  return Object.fromEntries(found.map(([key, value]) => [key.slice(name.length), value]));
}
