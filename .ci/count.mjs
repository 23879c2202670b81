// `node count.mjs FILE STATUS`: how many tests passed and failed, from jest's JSON and its exit status. A test file that does not even load
// is one failure; so is a run that ended badly without naming any. `--summary` before them: the file says `passed` and `failed` itself.
import { existsSync, readFileSync } from 'node:fs';

const isSummary = process.argv[2] === '--summary';
const [file = '', status = '1'] = process.argv.slice(isSummary ? 3 : 2);
const nothing = { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 0, passed: 0, failed: 0 };
const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : nothing;
const passed = isSummary ? result.passed : result.numPassedTests;
const failed = isSummary ? result.failed : result.numFailedTests + result.numRuntimeErrorTestSuites;
console.log(passed, status === '0' ? failed : Math.max(failed, 1));
