import { openServer, type HttpServer } from '../../../src/http/server.js';
import { runProgram } from '../../../src/main/program.js';
import { EXIT } from '../../../src/cli/exit-codes.js';
import type { Chance } from '../kit/chance.js';
import { must, said, Violation, type Entrance, type Findings, type Session } from './entrance.js';
import { ApiStand, sagaIds } from './http.js';
import { STEPS } from './engine-stand.js';
import { cut } from './oracle.js';
import { anyBody, anyNumber, anyText, bytesOf } from './values.js';

interface CommandLine {
  readonly args?: readonly string[];
  /** Standard input. */
  readonly input?: Uint8Array;
}

/** Those that run until they are told to end, or make something. */
const NOT_HERE = ['serve', 'participants', 'dev', 'migrate', 'demo'];
const VERBS = ['start', 'list', 'show', 'history', 'definitions', 'cancel', 'suspend', 'resume', 'retry', 'settle', 'help'];
const FLAGS = [
  '--input',
  '--many',
  '--key',
  '--saga-version',
  '--tag',
  '--wait',
  '--status',
  '--name',
  '--limit',
  '--all',
  '--reason',
  '--by',
  '--request',
  '--confirm',
  '--outcome',
  '--reply',
  '--code',
  '--json',
  '--url',
  '--help',
  '--version',
  '--',
  '-x',
  '--no-such-flag',
  '--__proto__',
];

/** The command line and what is piped into it. */
export const cli: Entrance<CommandLine> = {
  name: 'cli',
  about: 'arguments of the command line, JSON given to it, and NDJSON for --many',
  share: 8,
  batch: 40,
  rows: ['C3', 'C4', 'C5', 'C6', 'C7', 'I4'],
  make: makeCommandLine,
  open: () => CliStand.open(),
};

function makeCommandLine(chance: Chance): CommandLine {
  if (chance.is(0.3))
    return { args: ['start', 'test-saga', '--many', '-', ...(chance.is(0.3) ? ['--json'] : [])], input: manyInputs(chance) };
  const verb = chance.is(0.95) ? chance.pick(VERBS) : oneLine(anyText(chance));
  const args = [verb];
  const id = () => (chance.is(0.7) ? chance.pick(sagaIds) : oneLine(anyText(chance)));
  if (verb === 'start')
    args.push(
      chance.is(0.8) ? 'test-saga' : oneLine(anyText(chance)),
      '--input',
      chance.is(0.2)
        ? '-'
        : Buffer.from(anyBody(chance, { total: 1 }))
            .toString()
            .slice(0, 100_000),
    );
  if (['show', 'history', 'cancel', 'suspend', 'resume', 'retry', 'settle'].includes(verb)) args.push(id());
  if (['retry', 'settle'].includes(verb)) args.push(chance.is(0.9) ? chance.pick(STEPS) : anyText(chance));
  if (verb === 'settle') args.push('--outcome', chance.pick(['success', 'rejected', 'error']));
  if (['cancel', 'suspend', 'resume', 'retry', 'settle'].includes(verb) && chance.is(0.9)) args.push('--reason', anyText(chance));
  for (let more = chance.pick([0, 0, 1, 2, 3]); more > 0; more--) {
    args.push(chance.pick(FLAGS));
    if (chance.is(0.7))
      args.push(
        chance.is(0.5)
          ? anyText(chance)
          : chance.pick([
              '1',
              '20',
              '0',
              String(anyNumber(chance)),
              'a=b',
              '30ms',
              '@/nowhere',
              '-',
              'http://127.0.0.1:1',
              'running',
              'not-done',
            ]),
      );
  }
  return { args: args.map((arg) => arg.replaceAll('\0', '\u0001')), input: anyBody(chance, { total: 1 }) };
}

/** The operating system gives no NUL, and a server command would not end. */
function oneLine(text: string): string {
  return NOT_HERE.includes(text) ? 'list' : text;
}

function manyInputs(chance: Chance): Uint8Array {
  return Buffer.concat(
    Array.from({ length: chance.between(0, 6) }, () =>
      Buffer.concat([anyBody(chance, { total: 1, key: 'k' }), bytesOf(chance.pick(['\n', '\n', '\r\n', '\n\n']))]),
    ),
  );
}

/** `backstep` in this process, against a server on a real socket. */
class CliStand implements Session<CommandLine> {
  private constructor(
    private readonly api: ApiStand,
    private readonly server: HttpServer,
  ) {}

  static async open(): Promise<CliStand> {
    const api = await ApiStand.open();
    return new CliStand(api, await openServer(api.app.fetch, { host: '127.0.0.1', port: 0 }));
  }

  async feed(cases: readonly CommandLine[], found: Findings): Promise<void> {
    for (const one of cases) await this.run(one, found);
    this.api.stand.checkLogs();
    await this.api.stand.settle();
    await this.api.stand.check('cli', found);
  }

  async close(): Promise<void> {
    await this.server.stop(0);
    await this.api.stand.close();
  }

  private async run({ args = [], input = new Uint8Array() }: CommandLine, found: Findings): Promise<void> {
    // Nothing ends by itself here, so nothing waits for an end; and a saga that is asked for in vain is asked for once.
    const kept = args.filter((arg) => !arg.startsWith('--wait'));
    const out: string[] = [];
    const err: string[] = [];
    const code = await runProgram(kept, {
      terminal: {
        out: (text) => void out.push(text),
        err: (text) => void err.push(text),
        isTty: false,
        isErrTty: false,
        colors: false,
        columns: 120,
        input: once(input),
      },
      environment: { BACKSTEP_URL: this.server.url },
      process: { on: () => undefined, exit: () => undefined },
      user: 'ada',
    }).catch((error: unknown) => {
      throw new Violation('the command throws', said(error));
    });
    found.count(`exit code ${code}`);
    mustBeGood(code, out.join(''), err.join(''), kept);
  }
}

function mustBeGood(code: number, out: string, err: string, args: readonly string[]): void {
  const what = cut(JSON.stringify(args), 300);
  must((Object.values(EXIT) as number[]).includes(code), 'exit code that is none', () => `${what} ends with ${code}`);
  // With --json the faults are among the JSON.
  must(
    code === 0 || err !== '' || (args.includes('--json') && out !== ''),
    'failure without a word',
    () => `${what} ends with ${code} and says nothing`,
  );
  must(!/SAGA_INTERNAL|\n\s+at .*:\d+:\d+/.test(err + out), 'fault of its own', () => `${what}: ${cut(err + out, 600)}`);
  // oxlint-disable-next-line no-control-regex
  const unsafe = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.exec(out + err);
  must(
    unsafe === null,
    'control character on the terminal',
    () => `${what} writes ${JSON.stringify(unsafe?.[0])}: ${cut(JSON.stringify(out + err), 600)}`,
  );
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
