import { formatDuration } from '../../core/duration.js';
import type { DefinitionStepView, DefinitionView } from '../../http/schemas.js';
import { EXIT } from '../exit-codes.js';
import { printTable } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';

/** `backstep definitions`: what the server has loaded, a line for each step. */
export async function definitions(context: CliContext, options: CommonOptions): Promise<number> {
  const { terminal } = context;
  const answer = await context.connect(options.url).definitions();
  if (options.json) {
    terminal.out(`${JSON.stringify(answer, null, 2)}\n`);
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
    ]),
  );
  if (rows.length === 0 && terminal.isTty) terminal.out('no definitions are loaded\n');
  else await printTable(terminal, ['saga', 'step', 'kind', 'command', 'after', 'undone by'], rows);
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
