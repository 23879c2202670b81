// Tables as text, for a terminal and for a page. Pure.
import { round } from './statistics.mjs';

/** @typedef {import('./statistics.mjs').Spread} Spread */

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
export function textTable(head, rows) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length)));
  return [head, ...rows].map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()).join('\n');
}
/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
export function markdownTable(head, rows) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** 1,234 or 12.3 or 0.123. @param {number} value */
export function figure(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return '-';
  return size >= 100 ? Math.round(value).toLocaleString('en') : String(round(value, size >= 10 ? 1 : size >= 1 ? 2 : 3));
}
/** @param {Spread | undefined} spread */
export function spreadText(spread) {
  if (!spread) return '-';
  const { median, min, max } = spread;
  return min === max ? figure(median) : `${figure(median)} [${figure(min)}-${figure(max)}]`;
}
/** @param {Record<string, number>} parts */
export const partsText = (parts) =>
  Object.entries(parts)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(', ');

/** @param {readonly import('./statistics.mjs').Summary[]} summaries */
export function summaryRows(summaries) {
  const head = ['system', '', 'sagas/s', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU s/1,000', 'where', 'peak MB', 'HOT', 'runs'];
  const rows = summaries.map((each) => [
    each.system,
    each.variant,
    spreadText(each.sagasPerSecond),
    ...['p50', 'p95', 'p99'].map((part) => (each.latencyMs ? figure(each.latencyMs[/** @type {'p50'} */ (part)].median) : '-')),
    spreadText(each.cpuSecondsPer1000),
    partsText(each.cpuByProcess),
    partsText(each.peakMemoryMb),
    each.figures['hotPart'] ? `${figure(each.figures['hotPart'].median * 100)} %` : '-',
    `${each.used}${each.disturbed > 0 ? `, ${each.disturbed} of ${each.runs} disturbed (others took up to ${figure(each.othersCores.max)} cores)` : ''}`,
  ]);
  return { head, rows };
}

/** @param {readonly import('./targets.mjs').Judged[]} judged */
export function targetRows(judged) {
  const head = ['measure', 'against', 'value [turns]', 'wanted', 'verdict'];
  const rows = judged.map(({ measure, against, value, sense, floor, unit, verdict }) => {
    const times = unit === undefined ? '×' : ` ${unit}`;
    return [measure, against, value ? `${spreadText(value)}${times}` : '-', `${sense} ${figure(floor)}${times}`, verdict];
  });
  return { head, rows };
}

/** What stands above the table of `nearRows`, and what its last column says. */
export const NEAR_TITLE = 'How near to the bare design';
export const NEAR_LEGEND = 'Backstep to the prototype, for latency the prototype to Backstep, so that 1× is the bare design';
/** @param {readonly import('./targets.mjs').Near[]} near */
export function nearRows(near) {
  const head = ['measure', 'against', 'prototype [turns]', 'Backstep [turns]', 'wanted', 'how near [turns]'];
  const times = (/** @type {Spread | undefined} */ spread) => (spread ? `${spreadText(spread)}×` : '-');
  const rows = near.map((each) => [
    each.measure,
    each.against,
    times(each.prototype),
    times(each.value),
    `${each.sense} ${figure(each.floor)}×`,
    times(each.near),
  ]);
  return { head, rows };
}
/** The paragraphs of a page; none where the prototype was not measured. @param {readonly import('./targets.mjs').Near[]} near */
export function nearPart(near) {
  if (near.length === 0) return [];
  const { head, rows } = nearRows(near);
  return [`### ${NEAR_TITLE}`, `${NEAR_LEGEND}.`, markdownTable(head, rows)];
}
