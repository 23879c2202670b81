import type { Effect, HistoryEntry } from '../core/event.js';
import { PHASE_NAMES, type SagaState } from '../core/state.js';
import type { HistoryEntryView } from './schemas.js';
import { iso } from './time.js';

/** One entry as the API shows it: ISO times, phases spelt out, and how often it came where repeats are only counted. */
export function historyEntryView(entry: HistoryEntry, noted: SagaState['noted']): HistoryEntryView {
  const { phase, at, effects, ...rest } = entry;
  const count = noted[notedKey(entry)];
  return {
    ...rest,
    at: iso(at),
    ...(phase ? { phase: PHASE_NAMES[phase] } : {}),
    ...(count !== undefined && count > 1 ? { count } : {}),
    effects: effects.map(effectView),
  };
}

/** Where the state counts what history holds once: `<event>|<step>.<phase>.<execution>|<attempt>|<outcome>`. */
function notedKey({ event, step, phase, execution, attempt, outcome }: HistoryEntry): string {
  return `${event}|${step}.${phase}.${execution}|${attempt ?? ''}|${outcome}`;
}

function effectView(effect: Effect): Record<string, unknown> {
  return {
    ...effect,
    ...('phase' in effect ? { phase: PHASE_NAMES[effect.phase] } : {}),
    ...('at' in effect ? { at: iso(effect.at) } : {}),
  };
}
