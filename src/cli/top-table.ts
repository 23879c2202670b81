import { paintFor, statePaint } from './paint.js';
import { cut } from './printable.js';
import type { Look, Rates } from './rates.js';
import { tabbed, tableText, type Cell } from './table.js';
import type { Terminal } from './terminal.js';
import { lasted } from './words.js';

/** A look for a person. */
export async function topTable(look: Look, terminal: Pick<Terminal, 'colors' | 'columns'>): Promise<string> {
  const paint = paintFor(terminal);
  const state = (text: string): Cell => ({ text, paint: statePaint(paint, text) });
  /** A number that is only worth a colour when it is not 0. */
  const count = (number: number, of: string): Cell => ({ text: String(number), paint: number > 0 ? statePaint(paint, of) : paint.dim });
  const { started, ended } = look.rates;
  const head = `${paint.bold(`${look.inFlight} in flight`)}   started ${rate(started)}/s   ended ${rate(ended)}/s   ${paint.dim(look.at)}`;
  const definitions = look.definitions.map((one) => [
    { text: `${one.name}@${one.version}${one.loaded ? '' : ' (not loaded)'}` },
    { text: String(one.inFlight) },
    count(one.running, 'running'),
    count(one.compensating, 'compensating'),
    count(one.suspended, 'suspended'),
    count(one.stuck, 'stuck'),
    { text: rate(one.rates.started) },
    { text: rate(one.rates.ended) },
  ]);
  const room = Math.max(20, terminal.columns - 100);
  const oldest = look.oldest.map((saga) => [
    { text: saga.id },
    state(saga.status),
    { text: `${saga.name}@${saga.version}` },
    { text: lasted(saga.startedAt, look.at) },
    { text: cut(saga.at.join(', '), room) },
  ]);
  const stuck = look.stuck.map((saga) => [
    { text: saga.id },
    { text: `${saga.name}@${saga.version}` },
    { text: lasted(saga.startedAt, look.at) },
    { text: saga.stuck.map(({ step, sentence }) => `${step}: ${sentence}`).join('; '), paint: statePaint(paint, 'stuck') },
  ]);
  const parts = [
    head,
    await tableText(terminal, ['saga', 'in flight', 'running', 'compensating', 'suspended', 'stuck', 'started/s', 'ended/s'], definitions),
    oldest.length > 0 ? await tableText(terminal, ['oldest', 'status', 'saga', 'for', 'at'], oldest) : '',
    stuck.length > 0 ? await tableText(terminal, ['stuck', 'saga', 'for', 'why'], stuck) : '',
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** A look for a pipe: a line `total`, a line `definition`, `oldest` or `stuck` for each. */
export function topLines(look: Look): string {
  const rates = ({ started, ended }: Rates) => [rate(started), rate(ended)];
  const lines = [
    ['total', look.at, String(look.inFlight), ...rates(look.rates)],
    ...look.definitions.map((one) => {
      const counts = [one.inFlight, one.running, one.compensating, one.suspended, one.stuck].map(String);
      return ['definition', `${one.name}@${one.version}`, ...counts, ...rates(one.rates)];
    }),
    ...look.oldest.map((saga) => ['oldest', saga.id, saga.status, `${saga.name}@${saga.version}`, saga.startedAt, saga.at.join(', ')]),
    ...look.stuck.flatMap((saga) =>
      saga.stuck.map(({ step, phase, sentence }) => [
        'stuck',
        saga.id,
        `${saga.name}@${saga.version}`,
        saga.startedAt,
        step,
        phase,
        sentence,
      ]),
    ),
  ];
  return lines.map(tabbed).join('');
}

function rate(perSecond: number | null): string {
  return perSecond === null ? '-' : String(perSecond);
}
