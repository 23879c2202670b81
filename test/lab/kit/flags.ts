import { parseArgs } from 'node:util';

/** A flag: its default decides what it takes. `undefined` as a default: a text that may be missing. */
export type Flags = Readonly<Record<string, string | number | boolean | undefined>>;
export type Values<F extends Flags> = {
  readonly [K in keyof F]: F[K] extends number
    ? number
    : F[K] extends boolean
      ? boolean
      : F[K] extends string
        ? string
        : string | undefined;
};

/** Reads `--name value` for each flag; whole or broken numbers for those whose default is one. Gives every fault instead of the first. */
export function readFlags<const F extends Flags>(
  args: readonly string[],
  flags: F,
): { readonly values: Values<F>; readonly faults: readonly string[] } {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, value]) => [name, { type: typeof value === 'boolean' ? ('boolean' as const) : ('string' as const) }]),
  );
  const { values: given, tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true });
  const faults: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') faults.push(`'${token.value}' is not understood`);
    if (token.kind === 'option' && !(token.name in flags))
      faults.push(
        `there is no flag ${token.rawName}; there are ${Object.keys(flags)
          .map((name) => `--${name}`)
          .join(', ')}`,
      );
  }
  const values = Object.fromEntries(
    Object.entries(flags).map(([name, otherwise]) => {
      const value = given[name];
      if (value === undefined) return [name, otherwise];
      if (typeof otherwise === 'boolean') return [name, value === true];
      if (typeof value !== 'string' || value === '') {
        faults.push(`--${name} needs a value`);
        return [name, otherwise];
      }
      if (typeof otherwise !== 'number') return [name, value];
      const number = Number(value);
      if (!Number.isFinite(number) || number < 0) faults.push(`--${name} is '${value}'; it must be a number of at least 0`);
      return [name, number];
    }),
  );
  return { values: values as Values<F>, faults };
}

/** The same for a program: faults are printed, and it ends with 2. */
export function flagsOf<const F extends Flags>(
  program: string,
  flags: F,
  check: (values: Values<F>) => readonly string[] = () => [],
): Values<F> {
  const { values, faults } = readFlags(process.argv.slice(2), flags);
  const all = [...faults, ...(faults.length === 0 ? check(values) : [])];
  if (all.length === 0) return values;
  process.stderr.write(`${program}: ${all.join(`\n${' '.repeat(program.length + 2)}`)}\n`);
  process.exit(2);
}
