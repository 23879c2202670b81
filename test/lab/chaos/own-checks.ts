import type { HistoryEntry } from '../kit/api.js';
import type { InvariantResult } from '../kit/evidence.js';
import { query, type Installation } from '../kit/installation.js';
import { forAll } from '../kit/waiting.js';
import type { Proof } from './subject.js';

/** Invariants that only the laboratory's own ledgers and scripts can tell. */
export const NEED_LEDGERS = ['V3', 'V4', 'V5', 'V6', 'V7', 'V8', 'V14', 'V16', 'V20'] as const;
const HISTORIES_AT_MOST = 5_000;

/** V5 as far as the histories tell it: what was done was asked to be undone in the reverse order, one after the other. */
export async function undoneInReverse(installation: Installation): Promise<InvariantResult> {
  const api = installation.client();
  const definitions = await api.definitions();
  const inReverse = new Set(
    definitions.flatMap(({ name, version, compensationOrder }) => (compensationOrder === 'reverse' ? [`${name}@${version}`] : [])),
  );
  const sagas = (await api.sagas({ status: ['compensated'] })).filter(({ name, version }) => inReverse.has(`${name}@${version}`));
  const problems = await forAll(sagas.slice(0, HISTORIES_AT_MOST), 8, async ({ id }) => {
    const problem = outOfOrder(await api.history(id));
    return problem === undefined ? [] : [`${id}: ${problem}`];
  });
  const violations = problems.flat();
  const text = 'undone in exactly the reverse order, one after the other (by the histories)';
  return { id: 'V5', text, checked: problems.length, violations: violations.slice(0, 20), violationCount: violations.length };
}

/** What is wrong with the order of undoing in a history, if anything. */
export function outOfOrder(history: readonly HistoryEntry[]): string | undefined {
  const settled: string[] = [];
  const undone: string[] = [];
  let asked: string | undefined;
  for (const effect of history.flatMap(({ effects }) => effects)) {
    const { step } = effect;
    if (step === undefined) continue;
    if ((effect.do === 'succeeded' || effect.do === 'unknown') && !settled.includes(step)) settled.push(step);
    if (effect.do === 'undone') {
      undone.push(step);
      asked = undefined;
    }
    if (effect.do !== 'sent' || effect.phase !== 'compensation') continue;
    if (asked !== undefined && asked !== step) return `${step} was asked to be undone while ${asked} was not yet`;
    asked = step;
  }
  const expected = settled.filter((step) => undone.includes(step)).toReversed();
  return expected.join() === undone.join() ? undefined : `undone: ${undone.join(', ')}; settled, last first: ${expected.join(', ')}`;
}

/**
 * Lets the folder's own proof look into its participants' tables. Each end has the saga's `status` and its `input`; the input is there under
 * each word of the saga's name as well (`order` of place-order), so that the proofs of the examples serve as they are.
 */
export async function ownProof(installation: Installation, proof: Proof): Promise<readonly string[]> {
  const ask = async (participant: string, sql: string) => {
    const url = new URL(installation.databaseUrl);
    url.searchParams.set('options', `-c search_path=${participant.replaceAll('-', '_').toLowerCase()}`);
    return query<Record<string, unknown>>(url.href, sql);
  };
  const api = installation.client();
  const sagas = await forAll(await api.sagas(), 8, ({ id }) => api.show(id));
  const ends = sagas.map(({ name, status, input }) => ({
    ...Object.fromEntries(name.split('-').map((word) => [word, input])),
    input,
    status,
  }));
  const violations = proof.prove(ends, await proof.readEvidence(ask));
  console.log(`         proof.js: ${ends.length} sagas checked, ${violations.length} violations`);
  return violations.slice(0, 20).map((violation) => `proof.js: ${JSON.stringify(violation)}`);
}
