import type { Effect, HistoryEntry } from '../core/event.js';

/**
 * What the row of a history line keeps beside its columns (seq, at, event, step), as JSON. Written field by field: there is a line for every step
 * of every saga, and it is numbers and words of ours, which need no escaping.
 */
export function historyText({ phase, execution, attempt, outcome, code, message, by, effects }: HistoryEntry): string {
  let text = `{"effects":[${effectsText(effects)}]`;
  if (phase !== undefined) text += `,"phase":"${phase}"`;
  if (execution !== undefined) text += `,"execution":${execution}`;
  if (attempt !== undefined) text += `,"attempt":${attempt}`;
  if (outcome !== undefined) text += `,"outcome":"${outcome}"`;
  if (code !== undefined) text += `,"code":${JSON.stringify(code)}`;
  if (message !== undefined) text += `,"message":${JSON.stringify(message)}`;
  if (by !== undefined) text += `,"by":${JSON.stringify(by)}`;
  return `${text}}`;
}

function effectsText(effects: readonly Effect[]): string {
  let text = '';
  for (const effect of effects) text += text === '' ? effectText(effect) : `,${effectText(effect)}`;
  return text;
}

/** The usual ones; the others say what somebody has written. */
function effectText(effect: Effect): string {
  switch (effect.do) {
    case 'sent':
      return `{"do":"sent","step":"${effect.step}","phase":"${effect.phase}","execution":${effect.execution},"attempt":${effect.attempt}}`;
    case 'succeeded':
    case 'undone':
      return `{"do":"${effect.do}","step":"${effect.step}"}`;
    case 'status':
      return `{"do":"status","status":"${effect.status}"}`;
    default:
      return JSON.stringify(effect);
  }
}
