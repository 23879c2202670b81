import type { PageView, SummaryView } from '../../http/schemas.js';
import { EXIT } from '../exit-codes.js';
import { filterOf, type FindOptions } from '../find-options.js';
import { paintFor, statePaint } from '../paint.js';
import { cut } from '../printable.js';
import { printTable, type Cell } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';
import { when, whyBack } from '../words.js';

export interface ListOptions extends CommonOptions, FindOptions {
  readonly limit: number;
  readonly all?: boolean;
}

/** `backstep list`: newest first. `--json` prints one document, as the API answers: `{ "sagas": […], "cursor": … }`. */
export async function list(context: CliContext, options: ListOptions): Promise<number> {
  const { terminal } = context;
  const page = await read(context, options);
  if (options.json) {
    terminal.out(`${JSON.stringify(page, null, 2)}\n`);
    return EXIT.ok;
  }
  if (page.sagas.length === 0 && terminal.isTty) terminal.out('no sagas\n');
  else
    await printTable(
      terminal,
      ['id', 'status', 'saga', 'key', 'started', 'where'],
      page.sagas.map((saga) => row(context, saga)),
    );
  if (page.cursor !== undefined && terminal.isTty) terminal.out('there are more: --limit N or --all\n');
  return EXIT.ok;
}

async function read(context: CliContext, options: ListOptions): Promise<PageView> {
  const api = context.connect(options.url);
  const { limit } = options;
  const filter = filterOf(options, context.now());
  const tag = options.tag && Object.entries(options.tag).map(([tagName, value]) => `${tagName}=${value}`);
  const sagas: SummaryView[] = [];
  let cursor: string | undefined;
  for (;;) {
    const wanted = options.all ? PAGE : Math.min(PAGE, limit - sagas.length);
    const page = await api.list({ ...filter, tag, limit: wanted, cursor });
    sagas.push(...page.sagas);
    cursor = page.cursor;
    if (cursor === undefined || (!options.all && sagas.length >= limit)) return { sagas, ...(cursor === undefined ? {} : { cursor }) };
  }
}
const PAGE = 500;

function row({ terminal }: CliContext, saga: SummaryView): Cell[] {
  const paint = paintFor(terminal);
  const where = saga.reason ? whyBack(saga.reason) : saga.at.join(', ');
  return [
    { text: saga.id },
    { text: saga.status, paint: statePaint(paint, saga.status) },
    { text: `${saga.name}@${saga.version}` },
    { text: saga.key ?? '' },
    { text: terminal.isTty ? when(saga.startedAt) : saga.startedAt },
    { text: `${terminal.isTty ? cut(where, 60) : where}${saga.attention.length > 0 ? ' (!)' : ''}` },
  ];
}
