// `npm run reliability:report`: writes the figures of the last runs into docs/reliability.md, from dist/lab/results, with the plots that an
// experiment has left beside the page. An experiment that was not run since keeps what the page says of it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { EXPERIMENTS } from './experiments.js';
import { RESULTS, type Result } from './kit/results.js';

const { values } = parseArgs({
  options: { page: { type: 'string', default: 'docs/reliability.md' }, results: { type: 'string', default: RESULTS } },
});
const before = readFileSync(values.page, 'utf8');
let page = before;
const made: string[] = [];
for (const result of readResults(values.results)) {
  const section = between(page, result.experiment);
  if (!section) continue;
  page = `${page.slice(0, section.from)}\n\n${sectionOf(result)}\n\n${page.slice(section.to)}`;
  made.push(result.experiment);
}
writeFileSync(values.page, page);
console.log(`${values.page}: ${made.join(', ') || 'nothing'} written anew`);

function readResults(folder: string): readonly Result[] {
  if (!existsSync(folder)) return [];
  const order = (result: Result) => EXPERIMENTS.findIndex(({ name }) => name === result.experiment);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Result)
    .toSorted((one, other) => order(one) - order(other));
}

/** The part of the page that belongs to an experiment: between `<!-- figures NAME -->` and `<!-- /figures -->`. */
function between(text: string, name: string): { readonly from: number; readonly to: number } | undefined {
  const begin = `<!-- figures ${name} -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf('<!-- /figures -->', from);
  return from < 0 || to < 0 ? undefined : { from: from + begin.length, to };
}

function sectionOf({ experiment, command, seed, startedAt, seconds, passed, failed, failures, figures }: Result): string {
  const took = seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
  const said = `\`${command}\`, seed ${seed}, ${startedAt.slice(0, 10)}, ${took}: ${number(passed)} passed, ${failed === 0 ? '0 failed' : `**${number(failed)} failed**`}.`;
  const rows = Object.entries(figures).map(([what, value]) => `| ${escaped(what)} | ${escaped(number(value))} |`);
  const failing = failures.length > 0 ? ['', ...failures.slice(0, 20).map((failure) => `- ${escaped(failure.split('\n', 1)[0]!)}`)] : [];
  const table =
    rows.length > 0 ? ['', '<!-- prettier-ignore-start -->', '| | |', '| --- | --- |', ...rows, '<!-- prettier-ignore-end -->'] : [];
  return [said, ...table, ...failing, ...plotsOf(experiment)].join('\n');
}

/** Every plot that is named after the experiment. */
function plotsOf(experiment: string): string[] {
  const folder = join(dirname(values.page), 'images');
  const plots = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(`${experiment}-`) && name.endsWith('.svg')) : [];
  return plots
    .sort()
    .flatMap((name) => ['', `![${name.slice(experiment.length + 1, -'.svg'.length).replaceAll('-', ' ')}](images/${name})`]);
}

function number(value: number | string): string {
  return typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : 0 }) : value;
}
function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ');
}
