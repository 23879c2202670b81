// `npm run chaos`: real processes under load, on servers of their own, while the nemesis does what the seed says; then peace, and the checker.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAULTS } from './catalogue.js';
import { readFlags, USAGE, type Flags } from './flags.js';
import { labSagas, ownSagas } from './subject.js';
import { ChaosRun } from './run.js';

let flags: Flags;
try {
  const read = readFlags(process.argv.slice(2));
  if (read === 'help') {
    console.log(`${USAGE}\n\nFaults: ${FAULTS.map(({ kind }) => kind).join(', ')}`);
    process.exit(0);
  }
  flags = read;
} catch (error: unknown) {
  console.error(`chaos: ${(error as Error).message}\n\n${USAGE}`);
  process.exit(2);
}

const again = `npm run chaos -- --seed ${flags.seed} ${process.argv
  .slice(2)
  .join(' ')
  .replace(/--seed[ =]\S+/, '')}`
  .replaceAll(/\s+/g, ' ')
  .trim();
const directory = join('.backstep', 'lab', `chaos-${flags.seed}`);
const subject = flags.own ? await ownSagas(flags.own) : labSagas();
const run = new ChaosRun({ flags, directory, subject, again });
let isStopping = false;
process.on('SIGINT', () => {
  if (isStopping) process.exit(130);
  isStopping = true;
  console.error('stopping; once more to stop at once');
  run.stop();
});
try {
  const { ok, text } = await run.run();
  console.log(text);
  if (existsSync(directory)) writeFileSync(join(directory, 'page.txt'), `${text}\n`);
  if (ok && !flags.keep) rmSync(directory, { recursive: true, force: true });
  else console.log(`\nEvidence: ${directory}`);
  if (!ok) console.log(`Once more: ${again}`);
  process.exit(ok ? 0 : 1);
} catch (error: unknown) {
  console.error(error);
  console.error(`\nThe run itself has failed. Evidence: ${directory}\nOnce more: ${again}`);
  process.exit(1);
}
