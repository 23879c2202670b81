import { printable } from '../printable.js';
import { readJson } from '../arguments.js';
import { EXIT, exitCodeOfStatus } from '../exit-codes.js';
import type { CliContext, CommonOptions } from '../terminal.js';
import { tabbed } from '../table.js';
import { waitForEnd } from '../wait.js';
import { printSaga } from './show.js';

export interface StartOptions extends CommonOptions {
  readonly input: string;
  readonly key?: string;
  readonly sagaVersion?: number;
  readonly tag?: Readonly<Record<string, string>>;
  /** Milliseconds; `true`: until the end. */
  readonly wait?: number | true;
}

/** `backstep start NAME --input …`: prints the id, and with `--wait` how it ended. */
export async function start(context: CliContext, name: string, options: StartOptions): Promise<number> {
  const { terminal } = context;
  const api = context.connect(options.url);
  const input = await readJson(options.input, '--input', terminal);
  const started = await api.start({
    name,
    input,
    ...(options.sagaVersion === undefined ? {} : { version: options.sagaVersion }),
    ...(options.key === undefined ? {} : { key: options.key }),
    ...(options.tag === undefined ? {} : { tags: { ...options.tag } }),
  });
  if (options.wait !== undefined) {
    const saga = await waitForEnd(api, started.id, options.wait === true ? undefined : options.wait, context.now);
    if (options.json) terminal.out(`${JSON.stringify(saga, null, 2)}\n`);
    else if (terminal.isTty) await printSaga(context, saga, []);
    else terminal.out(tabbed([saga.id, saga.status]));
    return exitCodeOfStatus(saga.status);
  }
  if (options.json) terminal.out(`${JSON.stringify(started, null, 2)}\n`);
  else if (terminal.isTty)
    terminal.out(`${started.created ? 'started' : 'was started before:'} ${printable(started.name)} ${started.id}\n`);
  else terminal.out(tabbed([started.id, started.status]));
  return EXIT.ok;
}
