import type { HistoryEntryView, SagaView } from '../../http/schemas.js';
import { EXIT } from '../exit-codes.js';
import { tabbed } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';
import { timelineOf } from '../timeline.js';

/** `backstep show ID`: what happened, where it is, why, and what can be done next. */
export async function show(context: CliContext, id: string, options: CommonOptions): Promise<number> {
  const api = context.connect(options.url);
  const saga = await api.saga(id);
  if (options.json) context.terminal.out(`${JSON.stringify(saga, null, 2)}\n`);
  else await printSaga(context, saga, context.terminal.isTty ? await api.history(id) : []);
  return EXIT.ok;
}

/** For a person the timeline; for a pipe a line `saga`, then a line `step` for each. */
export async function printSaga(context: CliContext, saga: SagaView, history: readonly HistoryEntryView[]): Promise<void> {
  const { terminal } = context;
  if (terminal.isTty) {
    terminal.out(timelineOf(saga, history, terminal, context.now()));
    return;
  }
  const { id, status, name, version, key, startedAt, endedAt } = saga;
  terminal.out(tabbed(['saga', id, status, `${name}@${version}`, key ?? '', startedAt, endedAt ?? '']));
  for (const step of saga.steps) {
    const { code = '', message = '' } = step.compensation?.error ?? step.error ?? {};
    terminal.out(
      tabbed([
        'step',
        step.name,
        step.state,
        step.command ?? step.kind,
        String(step.attempts),
        step.startedAt ?? '',
        step.settledAt ?? '',
        code,
        message,
      ]),
    );
  }
  for (const { step, phase, sentence, verbs } of saga.stuck) terminal.out(tabbed(['stuck', step, phase, sentence, verbs.join(', ')]));
}
