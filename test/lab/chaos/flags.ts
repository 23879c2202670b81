import { parseArgs } from 'node:util';
import { faultsNamed } from './catalogue.js';
import type { Fault } from './fault.js';

export interface Flags {
  readonly minutes: number;
  readonly seed: number;
  /** Faults per minute. */
  readonly rate: number;
  /** Starts per second. */
  readonly load: number;
  /** Sagas under way at a time, at most: a machine that is slow gets fewer instead of a backlog that never ends. */
  readonly open: number;
  readonly daemons: number;
  readonly faults: readonly Fault[];
  /** Keeps the evidence also when all went well. */
  readonly keep: boolean;
  readonly verbose: boolean;
  /** Somebody's own sagas instead of the laboratory's. */
  readonly own?: { readonly sagas: string; readonly start: string; readonly inputs: string };
}

export const USAGE = `npm run chaos -- [options]
  --minutes N      how long the faults go on (default 3)
  --seed N         decides schedule and inputs (default: drawn, and printed)
  --rate N         faults per minute (default 18)
  --load N         starts per second (default 40)
  --open N         sagas under way at a time, at most (default 800)
  --daemons N      daemons (default 2)
  --faults LIST    only faults whose kind contains one of these words, e.g. broker,commit,kill-daemon
  --keep           keep the evidence also when all went well
  --verbose        tell of every fault
  --sagas DIR --start NAME --inputs FILE.ndjson
                   your own sagas: the folder, the saga to start, an input on every line`;

/** Throws with every fault of the flags at once. */
export function readFlags(args: readonly string[]): Flags | 'help' {
  const faults: string[] = [];
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    minutes: text,
    seed: text,
    rate: text,
    load: text,
    open: text,
    daemons: text,
    faults: text,
    sagas: text,
    start: text,
    inputs: text,
    keep: flag,
    verbose: flag,
    help: flag,
  };
  const { values, tokens, positionals } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const known = options[token.name as keyof typeof options] as { readonly type: string } | undefined;
    if (!known) faults.push(`${token.rawName} is no option`);
    else if (known.type === 'string' && token.value === undefined) faults.push(`--${token.name} needs a value`);
    else if (known.type === 'boolean' && token.value !== undefined) faults.push(`--${token.name} takes no value`);
  }
  faults.push(...positionals.map((word) => `'${word}' is not understood`));
  if (values['help'] === true) return 'help';
  const number = (name: string, fallback: number, least: number, most: number, isWhole = false) => {
    const given = values[name];
    if (typeof given !== 'string') return fallback;
    const value = Number(given);
    if (given !== '' && value >= least && value <= most && (!isWhole || Number.isInteger(value))) return value;
    faults.push(`--${name} is '${given}'; it has to be a ${isWhole ? 'whole number' : 'number'} from ${least} to ${most}`);
    return fallback;
  };
  const textOf = (name: string) => (typeof values[name] === 'string' ? values[name] : undefined);
  let kinds: readonly Fault[] = [];
  try {
    kinds = faultsNamed(textOf('faults'));
  } catch (error: unknown) {
    faults.push(`--faults: ${(error as Error).message}`);
  }
  const [sagas, start, inputs] = [textOf('sagas'), textOf('start'), textOf('inputs')];
  const given = [sagas, start, inputs].filter((value) => value !== undefined).length;
  if (given > 0 && given < 3) faults.push('--sagas, --start and --inputs belong together: the folder, the saga to start, and its inputs');
  const flags: Flags = {
    minutes: number('minutes', 3, 0.1, 600),
    seed: number('seed', Math.floor(Math.random() * 1_000_000), 0, 2 ** 32 - 1, true),
    rate: number('rate', 18, 0.1, 120),
    load: number('load', 40, 0.1, 2_000),
    open: number('open', 800, 1, 1_000_000, true),
    daemons: number('daemons', 2, 1, 8, true),
    faults: kinds,
    keep: values['keep'] === true,
    verbose: values['verbose'] === true,
    ...(sagas !== undefined && start !== undefined && inputs !== undefined && { own: { sagas, start, inputs } }),
  };
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return flags;
}
