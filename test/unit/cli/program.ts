import type { CliContext } from '../../../src/cli/terminal.js';
import { runProgram } from '../../../src/main/program.js';

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
export interface Setting {
  readonly url?: string;
  readonly isTty?: boolean;
  readonly colors?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  readonly input?: string;
  /** Told all that was printed so far; `interrupt` is Ctrl-C. */
  readonly onOut?: (out: string, interrupt: () => void) => void;
}

/** Runs `backstep` in this process, on a terminal made of strings. */
export async function run(
  args: readonly string[],
  { url, isTty = false, colors = false, columns = 120, rows = 40, input = '', onOut }: Setting = {},
): Promise<Said> {
  const said = { out: '', err: '' };
  const terminal: CliContext['terminal'] = {
    out: (text) => {
      said.out += text;
      onOut?.(said.out, () => interrupt());
    },
    err: (text) => void (said.err += text),
    isTty,
    isErrTty: isTty,
    colors,
    columns,
    rows,
    input: once(input),
  };
  let interrupt = () => {};
  const process = {
    on: (event: string, listener: (told: never) => void) => void (event === 'SIGINT' && (interrupt = () => listener('SIGINT' as never))),
    exit: () => undefined,
  };
  const code = await runProgram(args, { terminal, environment: url === undefined ? {} : { BACKSTEP_URL: url }, process, user: 'ada' });
  return { code, ...said };
}

async function* once(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text);
}
