import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { CliContext } from '../../../src/cli/terminal.js';
import { openServer, type HttpServer } from '../../../src/http/server.js';
import { runProgram } from '../../../src/main/program.js';
import { succeeds } from '../../support/engine.js';
import { Api } from '../http/api.js';

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

/** A server over an engine in memory for the tests of a file, and `backstep` run against it; its participants succeed again after each test. */
export function serverForTests(): {
  readonly api: () => Api;
  readonly run: (args: readonly string[], setting?: Setting) => Promise<Said>;
} {
  let api: Api;
  let server: HttpServer;
  beforeAll(async () => {
    api = await new Api().open();
    server = await openServer((request) => api.app.fetch(request), { host: '127.0.0.1', port: 0 });
  });
  afterEach(() => {
    api.world.script = succeeds;
  });
  afterAll(async () => {
    await server.stop(1_000);
    await api.world.engine.stop();
  });
  return { api: () => api, run: (args, setting = {}) => run(args, { url: server.url, ...setting }) };
}

/** The card is declined, with a message that tries to colour the terminal. */
export const declines: typeof succeeds = ({ step, phase }) =>
  step === 'charge' && phase === 'a' ? { outcome: 'rejected', body: '{"code":"card-declined","message":"no \\u001b[31mmoney\\n"}' } : {};

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
