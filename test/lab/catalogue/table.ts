// `node dist/test/lab/catalogue/table.js --jest FILE… --results DIR`: writes the tables of docs/reliability.md from what tests and experiments
// have left behind. `--check` writes nothing and fails where a row in scope has no test, or one that failed; `--ci` asks only for the rows
// that CI exercises.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { faultsOf, summaryOf } from './check.js';
import { readFindings, type Findings } from './exercises.js';
import { withTables } from './markdown.js';

const USAGE = 'usage: table.js [--jest FILE]… [--results DIR]… [--check [--ci]] [--page FILE]';

interface Flags {
  readonly jest: readonly string[];
  readonly results: readonly string[];
  readonly check: boolean;
  readonly ci: boolean;
  readonly page: string;
}

process.exitCode = main(process.argv.slice(2));

function main(args: readonly string[]): number {
  try {
    const flags = readFlags(args);
    const findings = readFindings(flags.jest, flags.results, process.cwd());
    return flags.check ? check(findings, flags.ci) : write(findings, flags.page);
  } catch (error: unknown) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
}

function readFlags(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      jest: { type: 'string', multiple: true, default: [] },
      results: { type: 'string', multiple: true, default: [] },
      check: { type: 'boolean', default: false },
      ci: { type: 'boolean', default: false },
      page: { type: 'string', default: 'docs/reliability.md' },
    },
  });
  const missing = [...values.jest, ...values.results, ...(values.check ? [] : [values.page])].filter((path) => !existsSync(path));
  const faults = [
    ...missing.map((path) => `there is no ${path}`),
    ...(values.jest.length + values.results.length === 0 ? ['nothing to read: name a file with --jest or a folder with --results'] : []),
    ...(values.ci && !values.check ? ['--ci says how much --check asks for, and --check is not there'] : []),
  ];
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return values;
}

function check(findings: Findings, ciOnly: boolean): number {
  const faults = faultsOf(findings, { ciOnly });
  console.log(summaryOf(findings, { ciOnly }));
  for (const fault of faults) console.log(`- ${fault}`);
  return faults.length > 0 ? 1 : 0;
}

function write(findings: Findings, page: string): number {
  writeFileSync(page, withTables(readFileSync(page, 'utf8'), findings));
  console.log(`${page}: ${summaryOf(findings, { ciOnly: false })}`);
  return 0;
}
