// The independent checker: `node dist/test/lab/checker/check.js --evidence DIR`. Knows nothing of the engine's code.
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../kit/evidence.js';
import { flagsOf } from '../kit/flags.js';
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
  const flags = flagsOf(
    'check',
    {
      /** The folder that an experiment has left. */
      evidence: '',
      /** Histories that are read at most. */
      histories: 20_000,
      /** V15: 99 of 100 timers outside of faults are at most so late. */
      'lateness-ms': 1_000,
      /** Invariants that are left out, with commas between them. */
      without: undefined,
    },
    ({ evidence }) =>
      evidence === ''
        ? ['--evidence DIR is missing: the folder that an experiment has left']
        : existsSync(join(evidence, 'manifest.json'))
          ? []
          : [`--evidence ${evidence}: there is no manifest.json in it`],
  );
  const report = await check(flags.evidence, {
    tell: (text) => process.stderr.write(`${text}\n`),
    histories: flags.histories,
    latenessMs: flags['lateness-ms'],
    ...(flags.without === undefined ? {} : { without: flags.without.split(',') }),
  });
  closeConnections();
  return report.ok ? 0 : 1;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) process.exitCode = await main();
