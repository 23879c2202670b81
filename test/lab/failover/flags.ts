import { parseArgs } from 'node:util';
import type { Form } from './outcome.js';

export interface Flags {
  readonly form: Form;
  readonly only: readonly string[];
  readonly seed: number;
  /** Where plots of the recovery times go; none without. */
  readonly plots: string | undefined;
}

/** Reads the command line; throws a sentence that names every fault. */
export function readFlags(args: readonly string[], names: readonly string[]): Flags {
  const faults: string[] = [];
  const { tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true });
  const values = new Map<string, string | undefined>();
  const only: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') faults.push(`'${token.value}' is no flag`);
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(OPTIONS, token.name) ? OPTIONS[token.name as keyof typeof OPTIONS] : undefined;
    if (!option) faults.push(`there is no ${token.rawName}`);
    else if (option.type === 'string' && token.value === undefined) faults.push(`${token.rawName} needs a value`);
    else if (option.type === 'boolean' && token.value !== undefined) faults.push(`${token.rawName} takes no value`);
    else if (token.name === 'only') only.push(...token.value!.split(',').map((name) => name.trim()));
    else values.set(token.name, token.value);
  }
  for (const name of only) if (!names.includes(name)) faults.push(`--only ${name}: the experiments are ${names.join(', ')}`);
  const seed = Number(values.get('seed') ?? 1);
  if (!Number.isSafeInteger(seed) || seed < 0) faults.push(`--seed ${values.get('seed')}: it has to be a whole number`);
  if (values.has('ci') && values.has('long')) faults.push('--ci and --long exclude each other');
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return { form: values.has('ci') ? 'ci' : values.has('long') ? 'long' : 'short', only, seed, plots: values.get('plots') };
}

const OPTIONS = {
  ci: { type: 'boolean' },
  long: { type: 'boolean' },
  only: { type: 'string' },
  seed: { type: 'string' },
  plots: { type: 'string' },
} as const;
