// `node count.mjs FILE STATUS`: how many tests passed and failed, from jest's JSON and its exit status. A test file that does not even load
// is one failure; so is a run that ended badly without naming any.
import { existsSync, readFileSync } from 'node:fs';

const [file = '', status = '1'] = process.argv.slice(2);
const nothing = { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 0 };
const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : nothing;
const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
console.log(result.numPassedTests, status === '0' ? failed : Math.max(failed, 1));
