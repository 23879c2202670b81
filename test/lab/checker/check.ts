// The independent checker: `node dist/test/lab/checker/check.js --evidence DIR`. Knows nothing of the engine's code.
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Report } from '../kit/evidence.js';
import { closeConnections } from '../kit/http.js';
import { gather, type GatherOptions } from './gather.js';
import { judge, type Limits } from './judge.js';
import { reportTable } from './table.js';

/** Waits until all sagas have ended, reads the evidence, judges it, and writes `report.json` beside it. Prints a table unless `quiet`. */
export async function check(directory: string, options: GatherOptions & Limits & { readonly quiet?: boolean } = {}): Promise<Report> {
  const report = judge(await gather(directory, options), options);
  writeFileSync(join(directory, 'report.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  if (!options.quiet) process.stdout.write(reportTable(report));
  return report;
}

async function main(): Promise<number> {
  const { values, faults } = flags();
  const { evidence } = values;
  if (evidence === undefined) faults.push('--evidence DIR is missing: the folder that an experiment has left');
  else if (!existsSync(join(evidence, 'manifest.json'))) faults.push(`--evidence ${evidence}: there is no manifest.json in it`);
  const number = (name: 'histories' | 'lateness-ms') => {
    const text = values[name];
    if (text !== undefined && !/^\d+$/.test(text)) faults.push(`--${name} ${text}: it must be a whole number`);
    return text === undefined ? undefined : Number(text);
  };
  const histories = number('histories');
  const latenessMs = number('lateness-ms');
  if (faults.length > 0) {
    process.stderr.write(`check: ${faults.join('\n       ')}\n`);
    return 2;
  }
  const report = await check(evidence!, {
    tell: (text) => process.stderr.write(`${text}\n`),
    ...(histories === undefined ? {} : { histories }),
    ...(latenessMs === undefined ? {} : { latenessMs }),
    ...(values.without === undefined ? {} : { without: values.without.split(',') }),
  });
  closeConnections();
  return report.ok ? 0 : 1;
}

function flags() {
  const options = {
    evidence: { type: 'string' },
    histories: { type: 'string' },
    'lateness-ms': { type: 'string' },
    without: { type: 'string' },
  } as const;
  const { values, tokens, positionals } = parseArgs({ options, strict: false, tokens: true, allowPositionals: true });
  const unknown = tokens.flatMap((token) =>
    token.kind === 'option' && !(token.name in options) ? [`--${token.name} is no flag of it`] : [],
  );
  const given = values as Partial<Record<keyof typeof options, string | boolean>>;
  const empty = Object.entries(given).flatMap(([name, value]) =>
    typeof value === 'boolean' && name in options ? [`--${name} needs a value`] : [],
  );
  const texts = Object.fromEntries(Object.entries(given).filter(([, value]) => typeof value === 'string')) as Partial<
    Record<keyof typeof options, string>
  >;
  return { values: texts, faults: [...unknown, ...empty, ...positionals.map((word) => `${word} is not understood`)] };
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) process.exitCode = await main();
