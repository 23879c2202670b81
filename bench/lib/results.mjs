// What was measured: kept in memory for the tables, and appended to a file run by run, so that nothing is lost when a later run fails.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { POSTGRES_URL, query } from './servers.mjs';

/** More than any bench has. */
const TURNS = 1_000;

/** A collector of runs. */
export function openResults(file) {
  const runs = [];
  if (file !== undefined) fs.appendFileSync(file, '');
  return {
    runs,
    add(run) {
      runs.push(run);
      if (file !== undefined) fs.appendFileSync(file, `${JSON.stringify({ kind: 'run', at: new Date().toISOString(), ...run })}\n`);
      return run;
    },
    note(about) {
      if (file !== undefined) fs.appendFileSync(file, `${JSON.stringify({ kind: 'bench', at: new Date().toISOString(), ...about })}\n`);
    },
  };
}

/** Where and on what it ran. */
export async function circumstances(args) {
  const { rows } = await query(POSTGRES_URL, `select current_setting('server_version') as version`);
  return {
    commit: commit(),
    args,
    cores: os.availableParallelism(),
    cpu: os.cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    node: process.versions.node,
    postgres: rows[0].version.split(' ')[0],
  };
}
function commit() {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const git = (...args) => execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return `${git('rev-parse', '--short=10', 'HEAD')}${git('status', '--porcelain', '--', 'src', 'bench') === '' ? '' : ' and changes'}`;
  } catch {
    return 'unknown';
  }
}

/** Everything in files of results. Throws with file and line where one cannot be read. */
export function readResults(files) {
  const records = files.flatMap((file) => {
    if (!fs.existsSync(file)) throw new Error(`there are no results at ${file}; --out FILE makes some`);
    return fs
      .readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, at) => {
        if (line.trim() === '') return [];
        try {
          return [JSON.parse(line)];
        } catch {
          throw new Error(`${file}:${at + 1} is no line of results`);
        }
      });
  });
  // Turns of different benches are different turns.
  let bench = 0;
  const runs = [];
  for (const record of records) {
    if (record.kind === 'bench') bench++;
    if (record.kind === 'run') runs.push({ ...record, turn: bench * TURNS + record.turn });
  }
  return { runs, benches: records.filter((record) => record.kind === 'bench') };
}
