// V3 to V8: what the participants' ledgers say.
import type { DefinitionShown, DefinitionStep, SagaSummary } from '../kit/api.js';
import type { LedgerRow } from '../kit/ledger.js';
import { workloadOf } from '../kit/workloads/all.js';
import { BANK_TOTAL, EAST_ACCOUNTS, WEST_ACCOUNTS } from '../kit/workloads/bank/inputs.js';
import { Findings } from './findings.js';
import { put, type Index } from './run.js';
import { shown } from './starts.js';

/** The effects of one step of one saga. */
interface Effects {
  readonly actions: readonly LedgerRow[];
  readonly compensations: readonly LedgerRow[];
}
const NONE: Effects = { actions: [], compensations: [] };

export interface EffectFindings {
  readonly all: readonly Findings[];
}

/** One pass over all sagas for V3 to V7. */
export function effectsOf(index: Index): readonly Findings[] {
  const v3 = new Findings('V3', 'all or nothing: completed has every effect once, compensated has none that is not undone');
  const v4 = new Findings('V4', 'each step takes effect at most once in each direction');
  const v5 = new Findings('V5', 'undone in exactly the reverse order, one after the other');
  const v6 = new Findings('V6', 'no action after its compensation, no compensation without an action');
  const v7 = new Findings('V7', 'after the pivot nothing is undone, and what follows it is done');
  const tombstones = new Set(index.run.inbox.filter(({ state }) => state === 'tombstone').map(({ actionId }) => actionId));
  for (const saga of index.run.sagas) {
    const definition = index.definitionOf(saga);
    if (!definition) continue;
    const rows = index.ledgerOf.get(saga.id) ?? [];
    const effects = byStep(rows);
    allOrNothing(v3, index, saga, definition, effects);
    for (const [step, { actions, compensations }] of effects) {
      for (const [direction, list] of [
        ['action', actions],
        ['compensation', compensations],
      ] as const)
        if (list.length > 0)
          v4.look(
            list.length > 1 && `${shown(saga)}: the ${direction} of ${step} took effect ${list.length} times: ${list.map(told).join(', ')}`,
          );
      soundUndo(v6, saga, step, { actions, compensations }, tombstones);
    }
    reverseOrder(v5, index, saga, definition, effects);
    afterPivot(v7, index, saga, definition, effects);
  }
  for (const [sagaId, rows] of index.ledgerOf)
    if (!index.sagaById.has(sagaId)) v6.violate(`${rows.length} effects of a saga that is not there: ${sagaId}, ${told(rows[0]!)}`);
  const hasSagas = index.run.sagas.length > 0;
  for (const each of [v3, v4, v6]) if (hasSagas) each.notVacuous('effect');
  return [v3, v4, v5, v6, v7];
}

function byStep(rows: readonly LedgerRow[]): Map<string, { actions: LedgerRow[]; compensations: LedgerRow[] }> {
  const effects = new Map<string, { actions: LedgerRow[]; compensations: LedgerRow[] }>();
  for (const row of rows) {
    const at = effects.get(row.step) ?? { actions: [], compensations: [] };
    effects.set(row.step, at);
    (row.direction === 'action' ? at.actions : at.compensations).push(row);
  }
  return effects;
}
const told = ({ seq, step, direction, attempt, commandId }: LedgerRow) => `#${seq} ${step} ${direction} attempt ${attempt} (${commandId})`;

/** Steps whose participant keeps a ledger. */
function ledgered({ run }: Index, { steps }: DefinitionShown): readonly DefinitionStep[] {
  return steps.filter(({ action }) => action !== undefined && run.manifest.participants.includes(action.participant));
}

function allOrNothing(
  v3: Findings,
  index: Index,
  saga: SagaSummary,
  definition: DefinitionShown,
  effects: ReadonlyMap<string, Effects>,
): void {
  if (saga.status !== 'completed' && saga.status !== 'compensated') return;
  const asked = index.asked.get(index.keyOf(saga) ?? '');
  const workload = workloadOf(saga.name);
  const skipped = asked && workload ? workload.skipped({ saga: saga.name, input: asked.input }) : undefined;
  for (const step of ledgered(index, definition)) {
    const { actions, compensations } = effects.get(step.name) ?? NONE;
    const counts = `${actions.length} actions, ${compensations.length} compensations`;
    if (saga.status === 'completed') {
      const isSkipped = skipped?.includes(step.name);
      // Of a conditional step of a saga that is not the laboratory's own nobody knows whether it was wanted.
      const isRight = isSkipped === undefined && step.conditional ? actions.length <= 1 : actions.length === (isSkipped === true ? 0 : 1);
      v3.look(
        (!isRight || compensations.length > 0) &&
          `${shown(saga)} is completed, but ${step.name} has ${counts}${isSkipped ? ' (it is skipped)' : ''}`,
      );
    } else if (step.compensation) {
      const isRight = actions.length === compensations.length && actions.length <= 1;
      v3.look(!isRight && `${shown(saga)} is compensated, but ${step.name} has ${counts}`);
    } else if (step.kind !== 'step') {
      v3.look(actions.length > 0 && `${shown(saga)} is compensated, but the ${step.kind} ${step.name} has ${counts}`);
    }
  }
}

function soundUndo(
  v6: Findings,
  saga: SagaSummary,
  step: string,
  { actions, compensations }: Effects,
  tombstones: ReadonlySet<string>,
): void {
  for (const action of actions) {
    const earlier = compensations.find(({ seq }) => seq < action.seq);
    v6.look(earlier !== undefined && `${shown(saga)}: ${step} was done after it was undone: ${told(earlier!)}, then ${told(action)}`);
    if (tombstones.has(action.actionId)) v6.violate(`${shown(saga)}: ${step} was done although its row is a tombstone: ${told(action)}`);
  }
  for (const compensation of compensations) {
    const hasAction = actions.some(({ actionId }) => actionId === compensation.actionId);
    v6.look(!hasAction && `${shown(saga)}: ${step} was undone, but never done: ${told(compensation)}`);
  }
}

function reverseOrder(
  v5: Findings,
  index: Index,
  saga: SagaSummary,
  definition: DefinitionShown,
  effects: ReadonlyMap<string, Effects>,
): void {
  const undone = [...effects].flatMap(([step, { compensations }]) => compensations.slice(0, 1).map(({ seq }) => ({ step, seq })));
  if (undone.length === 0) return;
  undone.sort((a, b) => a.seq - b.seq);
  const order = undone.map(({ step }) => step);
  const list = order.join(', ');
  // What can be told from the ledger alone: who needed whom.
  const needs = ancestors(definition);
  const placeOf = new Map(order.map((step, place) => [step, place]));
  let problem: string | undefined;
  for (const step of order)
    for (const need of needs.get(step) ?? [])
      if ((placeOf.get(need) ?? Infinity) < placeOf.get(step)!)
        problem = `${need} was undone before ${step}, which needs it (undone: ${list})`;
  // The order in which actions settled is only in the history.
  const history = index.run.details.get(saga.id)?.history;
  if (history && !problem) {
    const settled: string[] = [];
    const undos: string[] = [];
    let openUndo: string | undefined;
    for (const { effects: done } of history)
      for (const effect of done) {
        if (effect.step === undefined) continue;
        // One that was settled as unknown keeps its place when it comes to light that it had succeeded.
        if ((effect.do === 'succeeded' || effect.do === 'unknown') && !settled.includes(effect.step)) settled.push(effect.step);
        else if (effect.do === 'undone') {
          undos.push(effect.step);
          if (openUndo === effect.step) openUndo = undefined;
        } else if (effect.do === 'sent' && effect.phase === 'compensation' && definition.compensationOrder === 'reverse') {
          if (openUndo !== undefined && openUndo !== effect.step)
            problem = `${effect.step} was asked to be undone while ${openUndo} was not yet`;
          openUndo = effect.step;
        }
      }
    const inLedger = (step: string) => placeOf.has(step);
    const expected = settled.filter(inLedger).reverse().join(', ');
    if (definition.compensationOrder === 'reverse' && expected !== list) problem ??= `undone: ${list}; settled, last first: ${expected}`;
    // Told apart from the effects: what the engine says that it has undone, in its order.
    if (definition.compensationOrder === 'reverse' && undos.filter(inLedger).join(', ') !== list)
      problem ??= `undone: ${list}; the history says ${undos.join(', ')}`;
  }
  v5.look(problem !== undefined && `${shown(saga)}: ${problem}`);
}

function ancestors({ steps }: DefinitionShown): ReadonlyMap<string, ReadonlySet<string>> {
  const all = new Map<string, Set<string>>();
  for (const { name, needs } of steps) all.set(name, new Set(needs.flatMap((need) => [need, ...(all.get(need) ?? [])])));
  return all;
}

function afterPivot(
  v7: Findings,
  index: Index,
  saga: SagaSummary,
  definition: DefinitionShown,
  effects: ReadonlyMap<string, Effects>,
): void {
  const pivot = definition.steps.find(({ kind }) => kind === 'pivot');
  if (!pivot) return;
  const [done] = effects.get(pivot.name)?.actions ?? [];
  for (const step of definition.steps) {
    if (step.kind !== 'retriable') continue;
    const [early] = effects.get(step.name)?.actions ?? [];
    if (early)
      v7.look((done === undefined || early.seq < done.seq) && `${shown(saga)}: ${step.name} was done before the pivot ${pivot.name}`);
  }
  if (!done) return;
  const undone = [...effects].filter(([, { compensations }]) => compensations.length > 0).map(([step]) => step);
  v7.look(undone.length > 0 && `${shown(saga)}: the pivot ${pivot.name} was done, and yet undone were ${undone.join(', ')}`);
  if (saga.status === 'compensated') v7.violate(`${shown(saga)}: the pivot ${pivot.name} was done, and yet it is compensated`);
}

/** V8: no money is made or lost, at any instant. */
export function moneyIsConserved(index: Index): Findings {
  const found = new Findings('V8', 'money is conserved in every snapshot, nothing is below zero, nothing is left on hold');
  const { manifest, bank, accounts, ledger, sagas } = index.run;
  if (!manifest.participants.includes('bank-west')) return found;
  for (const { at, total, transit, negative } of bank) {
    const when = new Date(at).toISOString();
    found.look(total !== BANK_TOTAL && `at ${when} all accounts held ${total}, not ${BANK_TOTAL}`);
    if (transit < 0) found.violate(`at ${when} ${-transit} had arrived that never left`);
    if (negative.length > 0) found.violate(`at ${when} below zero: ${negative.join(', ')}`);
  }
  // As long as one of them has not ended, its money may be on hold; V1 says which.
  if (sagas.some(({ name, endedAt }) => name === 'bank-transfer' && endedAt === null)) return found;
  const moved = new Map<string, number>();
  for (const { participant, account, amount } of ledger) {
    const name = `${participant}/${account}`;
    if (participant.startsWith('bank-')) moved.set(name, (moved.get(name) ?? 0) + amount);
  }
  const opened = new Map<string, number>();
  for (const { account, cents } of WEST_ACCOUNTS) opened.set(`bank-west/${account}`, cents);
  for (const { account, cents } of EAST_ACCOUNTS) opened.set(`bank-east/${account}`, cents);
  const lost = leftByLostSagas(index);
  for (const { bank: participant, account, balance, held } of accounts) {
    const name = `${participant}/${account}`;
    const expected = (opened.get(name) ?? 0) + (moved.get(name) ?? 0);
    found.look(balance !== expected && `${name} has ${balance}, by its ledger ${expected}`);
    const heldByLost = lost.held.get(name) ?? 0;
    if (held !== heldByLost)
      found.violate(`${name} still holds ${held}${heldByLost === 0 ? '' : `, of which sagas that are gone hold ${heldByLost}`}`);
    if (balance < 0) found.violate(`${name} is below zero: ${balance}`);
  }
  const transit = accounts.reduce((sum, each) => sum + each.transit, 0);
  if (transit !== lost.transit) found.violate(`${transit - lost.transit} has left and never arrived`);
  const total = accounts.reduce((sum, each) => sum + each.balance + each.held + each.transit, 0);
  if (total !== BANK_TOTAL) found.violate(`all accounts hold ${total} in the end, not ${BANK_TOTAL}`);
  return found.notVacuous('account');
}

/**
 * What transfers have left behind that are not there any more (V1 says so): nobody will end them, so that what they hold stays held. By
 * the ledger alone: how far each had come.
 */
function leftByLostSagas({ run, sagaById }: Index): { readonly held: ReadonlyMap<string, number>; readonly transit: number } {
  const transfers = new Map<string, LedgerRow[]>();
  for (const row of run.ledger) if (row.participant.startsWith('bank-') && !sagaById.has(row.sagaId)) put(transfers, row.sagaId, row);
  const held = new Map<string, number>();
  let transit = 0;
  for (const rows of transfers.values()) {
    const isDone = (step: string) => rows.reduce((sum, row) => sum + (row.step !== step ? 0 : row.direction === 'action' ? 1 : -1), 0) > 0;
    const reserved = rows.find(({ step, direction }) => step === 'reserve' && direction === 'action');
    if (!reserved || !isDone('reserve')) continue;
    const name = `${reserved.participant}/${reserved.account}`;
    if (!isDone('debit')) held.set(name, (held.get(name) ?? 0) - reserved.amount);
    else if (!isDone('credit')) transit -= reserved.amount;
  }
  return { held, transit };
}

/** Effects by saga and step, for other checks. */
export function actionsOf(index: Index): ReadonlyMap<string, readonly LedgerRow[]> {
  const rows = new Map<string, LedgerRow[]>();
  for (const row of index.run.ledger) put(rows, row.commandId, row);
  return rows;
}
