import { existsSync, readFileSync } from 'node:fs';

/** One experiment of the laboratory, in its short form for every change and its long one. */
export interface Experiment {
  /** Of its result, too. */
  readonly name: string;
  readonly what: string;
  readonly short: readonly string[];
  readonly long: readonly string[];
  /** In the short form two lanes run side by side, each in the order below; what measures time runs beside what only computes. */
  readonly lane: 'one' | 'other';
  /** In the long form it has the time that the others leave, at the lowest priority, since nothing in it is measured by the clock. */
  readonly isPatient?: boolean;
  readonly limitMinutes: { readonly short: number; readonly long: number };
}

const lab = (file: string, ...args: readonly string[]) => ['node', `dist/test/lab/${file}`, ...args];
export const FAULTS_REPORT = 'dist/lab/faults.json';
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const faults = ['node', ...jest, '--config', 'test/faults/jest.config.js', '--json', '--outputFile', FAULTS_REPORT];
/** Rows that nothing else in CI exercises; `table.js --check --ci` says when one is missing. All of them are in the long run. */
const ONLY_HERE = ['E8', 'E14', 'E16', 'F5', 'G5', 'G6'];
const onlyHere = `\\[[A-J0-9 ]*\\b(?:${ONLY_HERE.join('|')})\\b[A-J0-9 ]*\\]`;

export const EXPERIMENTS: readonly Experiment[] = [
  {
    name: 'simulate',
    what: 'the real engine and SDK in a simulated world, one seed after the other',
    short: lab('simulator/simulate.js', '--seeds', '2000', '--sagas', '4', '--workers', '1'),
    long: lab('simulator/simulate.js', '--seeds', '100000', '--sagas', '5'),
    lane: 'one',
    isPatient: true,
    limitMinutes: { short: 9, long: 100 },
  },
  {
    name: 'mutants',
    what: 'deliberate bugs, each of which a check has to catch',
    short: lab('mutants/run.js', '--rotate', '6', '--jobs', '1'),
    long: lab('mutants/run.js'),
    lane: 'one',
    isPatient: true,
    limitMinutes: { short: 6, long: 60 },
  },
  {
    name: 'fuzz',
    what: 'rubbish for every entrance',
    short: ['node', '--expose-gc', 'dist/test/lab/fuzz/fuzz.js', '--inputs', '50000'],
    long: ['node', '--expose-gc', 'dist/test/lab/fuzz/fuzz.js', '--inputs', '2000000'],
    lane: 'one',
    isPatient: true,
    limitMinutes: { short: 5, long: 60 },
  },
  {
    name: 'crash',
    what: 'processes that kill themselves at every point where it matters',
    short: lab('crash/sweep.js', '--half', 'today', '--jobs', '2'),
    long: lab('crash/sweep.js', '--long', '--either', '--jobs', '3'),
    lane: 'one',
    limitMinutes: { short: 9, long: 50 },
  },
  {
    name: 'chaos',
    what: 'real processes, PostgreSQL and RabbitMQ under a nemesis, judged by the checker',
    short: lab('chaos/chaos.js', '--minutes', '3', '--seed', '21'),
    long: lab('chaos/chaos.js', '--minutes', '30', '--rate', '24', '--load', '75', '--open', '3000'),
    lane: 'other',
    limitMinutes: { short: 7, long: 50 },
  },
  {
    name: 'failover',
    what: 'databases and brokers that fail over, a wiped broker, recovery times',
    short: lab('failover/main.js', '--ci'),
    long: lab('failover/main.js', '--long', '--plots', 'docs/images'),
    lane: 'other',
    limitMinutes: { short: 6, long: 50 },
  },
  {
    name: 'faults',
    what: 'rows of the catalogue that hurt a server or take long',
    short: [...faults, '--testNamePattern', onlyHere],
    long: faults,
    lane: 'other',
    limitMinutes: { short: 5, long: 15 },
  },
];

/** How those are counted that write no result of their own. */
export const COUNTS: Readonly<Record<string, (name: string) => { readonly passed: number; readonly failed: number }>> = {
  faults: () => {
    if (!existsSync(FAULTS_REPORT)) return { passed: 0, failed: 1 };
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(FAULTS_REPORT, 'utf8')) as Readonly<
      Record<'numPassedTests' | 'numFailedTests' | 'numRuntimeErrorTestSuites', number>
    >;
    return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites };
  },
};
