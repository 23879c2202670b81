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
  readonly input?: string;
}

/** Runs `backstep` in this process, on a terminal made of strings. */
export async function run(
  args: readonly string[],
  { url, isTty = false, colors = false, columns = 120, input = '' }: Setting = {},
): Promise<Said> {
  const said = { out: '', err: '' };
  const terminal: CliContext['terminal'] = {
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    isTty,
    isErrTty: isTty,
    colors,
    columns,
    input: once(input),
  };
  const process = { on: () => undefined, exit: () => undefined };
  const code = await runProgram(args, { terminal, environment: url === undefined ? {} : { BACKSTEP_URL: url }, process, user: 'ada' });
  return { code, ...said };
}

async function* once(text: string): AsyncGenerator<string> {
  yield await Promise.resolve(text);
}
