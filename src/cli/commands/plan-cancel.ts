import { EXIT } from '../exit-codes.js';
import { paintFor } from '../paint.js';
import { printable, shortJson } from '../printable.js';
import { tabbed } from '../table.js';
import type { CliContext, CommonOptions } from '../terminal.js';
import type { CancelPlanView } from '../../http/schemas-find.js';

/** `backstep plan-cancel ID`: what a cancel would send, in order. Sends nothing. */
export async function planCancel(context: CliContext, id: string, { url, json }: CommonOptions): Promise<number> {
  const { terminal } = context;
  const plan = await context.connect(url).cancelPlan(id);
  if (json) terminal.out(`${JSON.stringify(plan, null, 2)}\n`);
  else if (terminal.isTty) terminal.out(forPeople(id, plan, context));
  else {
    if (!plan.possible) terminal.out(tabbed(['refused', plan.why ?? '']));
    for (const note of plan.notes) terminal.out(tabbed(['note', note]));
    for (const command of plan.commands) terminal.out(tabbed(['sends', ...fieldsOf(command)]));
    for (const step of plan.kept) terminal.out(tabbed(['keeps', step]));
  }
  return plan.possible ? EXIT.ok : EXIT.notAllowed;
}

type Planned = CancelPlanView['commands'][number];

function fieldsOf(command: Planned): string[] {
  const { position, step, phase, command: type, after, open, request, fault } = command;
  return [
    String(position),
    step,
    phase,
    type,
    after,
    open ? 'open' : 'known',
    request === undefined ? '' : JSON.stringify(request),
    fault ?? '',
  ];
}

function forPeople(id: string, plan: CancelPlanView, { terminal }: CliContext): string {
  const paint = paintFor(terminal);
  if (!plan.possible) return `a cancel is refused: ${printable(plan.why ?? '')}\n`;
  const lines = plan.commands.map((command) => {
    const request = command.request === undefined ? '' : paint.dim(` ${shortJson(command.request, 100)}`);
    const fault = command.fault === undefined ? '' : paint.red(` cannot be built: ${printable(command.fault)}`);
    return `  ${String(command.position).padStart(2)}. ${printable(command.command)}${whyOf(command)}${request}${fault}`;
  });
  const kept = plan.kept.map((step) => `  ${printable(step)} stays as it is: nothing undoes it`);
  const head = lines.length > 0 ? 'A cancel would send' : 'A cancel would send nothing';
  const notes = plan.notes.map((note) => `  ${printable(note)}`);
  return `${[...notes, paint.bold(head), ...lines, ...kept, `  backstep cancel ${id} --reason TEXT`].join('\n')}\n`;
}

function whyOf({ step, phase, after, open }: Planned): string {
  if (phase === 'fence') return ` asks whether ${step} happened, and keeps it from happening later`;
  if (!open) return ` undoes ${step}${after === 'unknown' ? ', whose outcome is unknown' : ''}`;
  return after === 'success' ? ` undoes ${step}, if it succeeds` : ` undoes ${step}, if its outcome stays unknown`;
}
