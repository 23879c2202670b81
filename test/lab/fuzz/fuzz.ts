import { parseArgs } from 'node:util';
import { writeResult } from '../kit/results.js';
import { cli } from './cli.js';
import { decode } from './decode.js';
import { definitions } from './definitions.js';
import type { Entrance } from './entrance.js';
import { Fuzzing } from './fuzzing.js';
import { http, operator } from './http.js';
import { participants } from './participants.js';
import { replies, starts } from './replies.js';

// npm run fuzz -- [--inputs 50000] [--seed N] [--only ENTRANCE] [--case N] [--postgres URL]: rubbish for every entrance.
// npm run fuzz -- --inputs 2000000 --real 20000: the long form, with so many end to end on servers of its own (or --postgres, --rabbitmq).
// Signals do not exist yet; when they do, they are an entrance.

const ENTRANCES = [decode, replies, starts, participants, operator, definitions, http, cli] as readonly Entrance[];

interface Options {
  readonly inputs: number;
  readonly seed: number;
  readonly only: string | undefined;
  readonly number: number | undefined;
  readonly postgres: string | undefined;
  readonly rabbitmq: string | undefined;
  /** Inputs end to end. */
  readonly real: number;
}

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      inputs: { type: 'string', default: '50000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      case: { type: 'string' },
      postgres: { type: 'string' },
      rabbitmq: { type: 'string' },
      real: { type: 'string', default: '0' },
    },
  });
  const faults: string[] = [];
  const whole = (flag: string, text: string, least: number) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || !Number.isSafeInteger(value))
      faults.push(`--${flag} is '${text}'; it must be a whole number from ${least}`);
    return value;
  };
  const inputs = whole('inputs', values.inputs, 0);
  const seed = whole('seed', values.seed, 0);
  const number = values.case === undefined ? undefined : whole('case', values.case, 0);
  const known = ENTRANCES.map(({ name }) => name);
  if (values.only !== undefined && !known.includes(values.only))
    faults.push(`--only is '${values.only}'; it must be one of ${known.join(', ')}`);
  if (number !== undefined && values.only === undefined) faults.push('--case needs --only: every entrance counts its own cases');
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return {
    inputs,
    seed,
    only: values.only,
    number,
    postgres: values.postgres,
    rabbitmq: values.rabbitmq,
    real: whole('real', values.real, 0),
  };
}

let options: Options;
try {
  options = optionsOf(process.argv.slice(2));
} catch (error: unknown) {
  process.stderr.write(`fuzz: ${(error as Error).message}\n`);
  process.exit(2);
}
const { only, seed } = options;
const fuzzing = new Fuzzing(
  ENTRANCES.filter(({ name }) => only === undefined || name === only),
  options,
);
const result = await fuzzing.run();
if (options.number === undefined) writeResult(result);
process.stdout.write(
  `${result.failed === 0 ? 'ok' : 'FAILED'}: seed ${seed}, ${result.passed} inputs, ${result.failed} violations, ${result.seconds.toFixed(1)} s\n`,
);
process.exit(result.failed === 0 ? 0 : 1);
