import type { Paint } from '../cli/paint.js';
import type { SummaryView } from '../http/schemas.js';
import type { Violation } from './demo-proof.js';

/** What the demo found out, as `--json` prints it in its last line. */
export interface DemoResult {
  readonly sagas: number;
  readonly completed: number;
  readonly compensated: number;
  /** Not ended: stuck, or still running when nobody waited any longer. */
  readonly stuck: number;
  readonly violations: number;
  readonly seconds: number;
}

/** Counts of the outcomes. `seconds` is rounded to a tenth. */
export function resultOf(sagas: readonly SummaryView[], violations: readonly Violation[], ms: number): DemoResult {
  const count = (status: string) => sagas.filter((saga) => saga.status === status).length;
  const [completed, compensated] = [count('completed'), count('compensated')];
  return {
    sagas: sagas.length,
    completed,
    compensated,
    stuck: sagas.length - completed - compensated,
    violations: violations.length,
    seconds: Math.round(ms / 100) / 10,
  };
}

/** The demo has shown what it is to show. */
export function isProven(result: DemoResult, inputs: number): boolean {
  return inputs > 0 && result.sagas === inputs && result.stuck === 0 && result.violations === 0;
}

/** How many ended how, and why. */
export function outcomeLines(sagas: readonly SummaryView[], paint: Paint): readonly string[] {
  const groups = new Map<string, Map<string, number>>();
  for (const saga of sagas) {
    const reasons = groups.get(saga.status) ?? new Map<string, number>();
    groups.set(saga.status, reasons);
    const why = whyOf(saga);
    reasons.set(why, (reasons.get(why) ?? 0) + 1);
  }
  const width = String(sagas.length).length;
  return [...groups].sort(byStatus).flatMap(([status, reasons]) => {
    const total = [...reasons.values()].reduce((sum, count) => sum + count, 0);
    const line = `  ${String(total).padStart(width)} ${colourOf(status, paint)(status)}`;
    const details = [...reasons].filter(([why]) => why !== '').sort(([, one], [, other]) => other - one);
    return [line, ...details.map(([why, count]) => `  ${' '.repeat(width)}   ${String(count).padStart(width)} ${paint.dim(why)}`)];
  });
}

/** What the ledgers say; at most ten violations, the rest counted. */
export function proofLines(orders: number, violations: readonly Violation[], paint: Paint): readonly string[] {
  const sentence = `  ${orders.toLocaleString('en')} orders checked, ${violations.length} violations`;
  if (violations.length === 0) return [paint.green(sentence)];
  const shown = violations.slice(0, 10).map(({ orderId, text }) => `    ${orderId}: ${text}`);
  const more = violations.length > shown.length ? [`    … and ${violations.length - shown.length} more`] : [];
  return [paint.red(sentence), ...shown, ...more];
}

/** The saga of which the most is to be told: the one with the most steps that ended in the state given. */
export function worthShowing(
  sagas: readonly SummaryView[],
  status: string,
  isBetter: (saga: SummaryView) => boolean,
): SummaryView | undefined {
  const ended = sagas.filter((saga) => saga.status === status);
  return ended.find(isBetter) ?? ended[0];
}

function whyOf({ status, reason, at }: SummaryView): string {
  if (status === 'completed') return '';
  if (!reason) return at.length > 0 ? `at ${at.join(', ')}` : '';
  switch (reason.kind) {
    case 'rejected':
      return `${reason.step} said no: ${reason.code}`;
    case 'exhausted':
      return `${reason.step}: ${reason.message}`;
    case 'deadline':
      return 'the deadline passed';
    case 'cancelled':
      return `${reason.by} cancelled it`;
  }
}

const ORDER = ['completed', 'compensated'];
function byStatus([one]: [string, unknown], [other]: [string, unknown]): number {
  const rank = (status: string) => (ORDER.includes(status) ? ORDER.indexOf(status) : ORDER.length);
  return rank(one) - rank(other);
}

function colourOf(status: string, paint: Paint): (text: string) => string {
  if (status === 'completed') return paint.green;
  return status === 'compensated' ? paint.yellow : paint.red;
}
