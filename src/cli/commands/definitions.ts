import { formatDuration } from '../../core/duration.js';
import type { FiguresView } from '../../http/schemas-figures.js';
import type { DefinitionStepView, DefinitionView } from '../../http/schemas.js';
import { EXIT } from '../exit-codes.js';
import { printTable, type Cell } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';
import { share } from '../words.js';

export interface DefinitionsOptions extends CommonOptions {
  readonly figures?: boolean;
}

/** `backstep definitions`: what the server has loaded, a line for each step; with `--figures` how it went. */
export async function definitions(context: CliContext, options: DefinitionsOptions): Promise<number> {
  const { terminal } = context;
  const client = context.connect(options.url);
  const [answer, figures] = await Promise.all([client.definitions(), options.figures ? client.figures() : undefined]);
  if (options.json) {
    terminal.out(`${JSON.stringify({ ...answer, ...(figures ? { figures } : {}) }, null, 2)}\n`);
    return EXIT.ok;
  }
  const rows = answer.definitions.flatMap(({ name, version, steps }) =>
    steps.map((step) => [
      { text: `${name}@${version}` },
      { text: step.name },
      { text: step.kind },
      { text: step.action?.command ?? step.code ?? '' },
      { text: step.needs.join(', ') },
      { text: undoing(step) },
      ...(figures ? figureCells(figures, { name, version }, step.name) : []),
    ]),
  );
  const head = ['saga', 'step', 'kind', 'command', 'after', 'undone by'];
  if (rows.length === 0 && terminal.isTty) terminal.out('no definitions are loaded\n');
  else await printTable(terminal, figures ? [...head, ...FIGURE_HEAD] : head, rows);
  if (figures && rows.length > 0 && terminal.isTty) terminal.out(`figures: of the newest ${figures.of} finished sagas of each version\n`);
  if (terminal.isTty) for (const one of answer.definitions) terminal.out(keeping(one));
  return EXIT.ok;
}

/** A line, where not all of its sagas are kept for ever. */
function keeping({ name, version, retention: { completedMs, compensatedMs } }: DefinitionView): string {
  if (completedMs === null && compensatedMs === null) return '';
  const kept = (ms: number | null) => (ms === null ? 'for ever' : formatDuration(ms));
  return `${name}@${version}: completed sagas are kept ${kept(completedMs)}, compensated ones ${kept(compensatedMs)}\n`;
}

function undoing(step: DefinitionStepView): string {
  return step.compensation?.command ?? '';
}

const FIGURE_HEAD = ['settled', 'failed', 'errors', 'p50', 'p95'];

function figureCells(
  { definitions: all }: FiguresView,
  of: { readonly name: string; readonly version: number },
  step: string,
): readonly Cell[] {
  const version = all.find(({ name, version: number }) => name === of.name && number === of.version);
  const found = version?.steps.find(({ name }) => name === step);
  const time = (ms: number | null | undefined) => (ms === null || ms === undefined ? '' : formatDuration(ms));
  const texts = [
    String(found?.settled ?? 0),
    share(found?.failureRate),
    share(found?.action.errorRate),
    time(found?.p50Ms),
    time(found?.p95Ms),
  ];
  return texts.map((text) => ({ text }));
}
