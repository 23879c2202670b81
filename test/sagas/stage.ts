import { readFileSync } from 'node:fs';
import { openInside } from '../../src/main/demo-inside.js';
import type { DemoStage } from '../../src/main/demo-stage.js';
import type { SummaryView } from '../../src/http/schemas.js';
import { createLogger } from '../../src/main/log.js';
import { closeAtEnd } from '../support/closing.js';

/** An example running in this process: engine, participants, embedded PostgreSQL. Closed at the end of the test file. */
export async function openExample(name: string, options: { readonly atATime?: number } = {}): Promise<DemoStage> {
  const logger = createLogger('error', (line) => process.stderr.write(line));
  const stage = await openInside({ directories: [`sagas/${name}`], logger, ...options });
  closeAtEnd(() => stage.close());
  return stage;
}

/** The example's data, as its file holds it. */
export function dataOf<T>(file: string): readonly T[] {
  return readFileSync(`sagas/${file}`, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** Sagas by key, and for each of them why it turned back: `step code`, or the kind of reason. */
export function endsOf(sagas: readonly SummaryView[]): ReadonlyMap<string, { readonly status: string; readonly why: string }> {
  return new Map(sagas.map((saga) => [saga.key!, { status: saga.status, why: whyOf(saga) }]));
}

function whyOf({ reason }: SummaryView): string {
  if (!reason) return '';
  return reason.kind === 'rejected'
    ? `${reason.step} ${reason.code}`
    : [reason.kind, reason.step].filter((part) => part !== undefined).join(' ');
}
