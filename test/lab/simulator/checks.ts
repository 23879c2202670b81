import type { Effect as HistoryEffect, HistoryEntry } from '../../../src/core/event.js';
import type { SagaState } from '../../../src/core/state.js';
import { statusOf, stuckSteps } from '../../../src/core/state.js';
import type { StoredSaga } from '../../../src/ports/saga-store.js';
import type { Clients, Known } from './clients.js';
import { expect, type End } from './expectation.js';
import type { Effect } from './ledger.js';
import { ancestorsOf, type SagaShape, type StepShape } from './random-sagas.js';
import { replayHistory } from './replay-history.js';
import { NAMES, QUEUES } from './scene.js';
import type { World } from './world.js';
import { lettersIn } from '../../support/dead-letters.js';

/** What became of a saga, as far as it can be foretold. */
export interface Outcome {
  readonly n: number;
  readonly end: string;
  readonly isUnique: boolean;
}

/**
 * Of sagas whose timeouts are longer: whatever was lost is sent again by then (gaps grow to ten minutes), and nothing else takes long.
 */
const RESENT_BY_MS = 40 * 60_000;

/** Everything that has to hold when all is over. Gives what became of each saga. */
export async function checkWorld(world: World, clients: Clients): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const known of clients.known.values()) outcomes.push(await checkSaga(world, known));
  await checkStarts(world, clients);
  await checkIncoming(world);
  await checkBroker(world);
  return outcomes;
}

async function checkSaga(world: World, known: Known): Promise<Outcome> {
  const { script, id } = known;
  const shape = world.of.shapes[script.shape]!;
  const fail = (rule: string, text: string) => world.violate(rule, `saga ${script.n} (${id ?? 'never answered'}, ${shape.name}): ${text}`);
  const expected = expect(shape, script, script.cancelAt !== undefined);
  const none = { n: script.n, end: 'none', isUnique: false };
  if (id === undefined) {
    fail('V1', 'its start was never answered');
    return none;
  }
  const saga = await world.sagas.inner.find(id);
  if (!saga) {
    fail('V1', 'its start was answered, and it is not there');
    return none;
  }
  const history = (await world.sagas.inner.history(id, 0, Infinity))!;
  const status = statusOf(saga.state);
  checkEnd(expected.ends, status, saga, known, fail);
  const tookMs = (saga.state.endedAt ?? 0) - world.quietAt;
  if (expected.isUnique && tookMs > RESENT_BY_MS)
    fail('V1', `nothing was wrong any more, and it took ${Math.round(tookMs / 60_000)} minutes to end`);
  checkHistory(saga, history, fail);
  const plan = world.plans[script.shape]!;
  const difference = replayHistory(plan, saga.state, history);
  if (difference) fail('V10', `its history told again: ${difference}`);
  const effects = world.ledger.of(id);
  checkEffects(shape, script.steps, saga.state, effects, fail);
  checkOrder(shape, saga.state, history, effects, fail);
  if (saga.state.end && saga.wakeAt !== null) fail('V12', `it is ${saga.state.end} and still has a timer`);
  if (saga.parked.length > 0) fail('V12', `${saga.parked.length} replies are still parked`);
  world.counters.add(`ended ${status}`);
  for (const entry of history) if (entry.phase === 'f' && entry.event === 'replied') world.counters.add('fence answered');
  for (const { do: what, ...about } of history.flatMap((entry) => entry.effects)) {
    if (what === 'sent' && 'phase' in about && about.phase === 'f') world.counters.add('fence sent');
    if (what === 'turned-forward') world.counters.add('turned forward again');
  }
  if (world.wipedAt !== undefined) countResends(world, history, world.wipedAt);
  return { n: script.n, end: status, isUnique: expected.isUnique };
}

type Fail = (rule: string, text: string) => void;

function checkEnd(ends: ReadonlySet<End>, status: string, { state }: StoredSaga, known: Known, fail: Fail): void {
  const allowed = [...ends].join(' or ');
  const why = stuckSteps(state).map(({ step, phase, message }) => `${step}.${phase}: ${message}`);
  const isFinal = status === 'completed' || status === 'compensated';
  if (!isFinal && status !== 'stuck') fail('V1', `it is still ${status}, ${JSON.stringify(openCommands(state))}; expected ${allowed}`);
  else if (!ends.has(status)) {
    // A retry by hand takes it on where the tries were used up.
    const isHelped = known.isRetried && ends.has('stuck');
    if (!isHelped) fail(isFinal ? 'V3' : 'V1', `it is ${status}${why.length > 0 ? ` (${why.join('; ')})` : ''}; expected ${allowed}`);
  }
  if (known.cancel === 'decided' && status === 'completed') fail('V3', 'a cancel was answered as decided, and it is completed');
}

function openCommands(state: SagaState) {
  return Object.entries(state.steps).flatMap(([name, at]) =>
    [at.action, at.fence, at.undo].flatMap((command) =>
      command && command.status !== 'settled' ? [`${name} ${command.status} attempt ${command.attempt}`] : [],
    ),
  );
}

/** V9. */
function checkHistory({ state }: StoredSaga, history: readonly HistoryEntry[], fail: Fail): void {
  history.forEach((entry, index) => {
    if (entry.seq !== index + 1) fail('V9', `its history has ${entry.seq} where ${index + 1} should be`);
    if (index > 0 && entry.at < history[index - 1]!.at) fail('V9', `entry ${entry.seq} is dated before the one above it`);
  });
  if (history[0]?.event !== 'started') fail('V9', 'its history does not begin with its start');
  if (history.length !== state.seq) fail('V9', `its history has ${history.length} entries, its state says ${state.seq}`);
  const ends = history.filter(({ effects }) => effects.some((effect) => effect.do === 'status'));
  if (ends.length !== (state.end ? 1 : 0)) fail('V9', `its history tells of ${ends.length} ends; it is ${state.end ?? 'open'}`);
  const after = state.end ? history.slice(history.indexOf(ends[0]!) + 1) : [];
  for (const { event, seq, effects } of after) {
    // Also what a late answer says of a step that there was nothing to undo of.
    const isNote = NOTES.includes(event) && effects.every((effect) => ['attention', 'succeeded', 'rejected'].includes(effect.do));
    if (!isNote) fail('V9', `entry ${seq} (${event}) comes after the end`);
  }
}
const NOTES: readonly string[] = ['late-reply', 'outdated-reply', 'duplicate-reply', 'conflicting-reply', 'unexpected-reply'];

/** V3, V4, V6, V7: what really happened. */
function checkEffects(
  shape: SagaShape,
  scripts: Readonly<Record<string, { readonly when: boolean }>>,
  state: SagaState,
  effects: readonly Effect[],
  fail: Fail,
): void {
  const pivot = shape.steps.find((step) => step.kind === 'pivot');
  const done = effects.filter(({ direction }) => direction === 'action');
  const undone = effects.filter(({ direction }) => direction === 'compensation');
  const pivotEffect = pivot && hasInbox(pivot) ? done.find(({ step }) => step === pivot.name) : undefined;
  if (pivotEffect && undone.length > 0)
    fail('V7', `its pivot ${pivot!.name} took effect, and ${undone.map(({ step }) => step).join(', ')} was undone`);
  for (const step of shape.steps) {
    if (step.kind === 'check') continue;
    const own = { done: done.filter(each(step)), undone: undone.filter(each(step)) };
    if (hasInbox(step)) checkStepEffects(step, own, fail);
    const isWanted = !step.hasWhen || scripts[step.name]!.when;
    if (!isWanted && own.done.length > 0) fail('V3', `${step.name} was to be skipped, and took effect`);
    checkWhole(step, state, own, isWanted, fail);
  }
}
const each = (step: StepShape) => (effect: Effect) => effect.step === step.name;
const hasInbox = (step: StepShape) => step.participant === 'alpha' || step.participant === 'beta';
interface OwnEffects {
  readonly done: readonly Effect[];
  readonly undone: readonly Effect[];
}

function checkStepEffects(step: StepShape, { done, undone }: OwnEffects, fail: Fail): void {
  for (const effects of [done, undone]) {
    const [first] = effects;
    if (!first || effects.length === 1) continue;
    // What is outside may be done again, under the same key.
    const isRepeat = first.isOutside && effects.every(({ commandId }) => commandId === first.commandId);
    if (!isRepeat)
      fail(
        'V4',
        `${step.name}'s ${first.direction} took effect ${effects.length} times: ${effects.map(({ commandId }) => commandId).join(', ')}`,
      );
  }
  const [undo] = undone;
  if (!undo) return;
  const before = done.filter(({ seq }) => seq < undo.seq);
  // An effect outside that was begun is undone by its key whether it came to it or not.
  const mayBeEmpty = step.command === 'call' || step.command === 'finishCall';
  if (before.length === 0 && !mayBeEmpty) fail('V6', `${step.name} was undone without having been done`);
  // Undone by key, and done by a process that had lost its lock: that such a one may still act is a limit that is documented.
  if (done.some((effect) => !before.includes(effect) && !effect.isOnItsOwn)) fail('V6', `${step.name} was done after it had been undone`);
}

function checkWhole(step: StepShape, state: SagaState, { done, undone }: OwnEffects, isWanted: boolean, fail: Fail): void {
  const isSure = hasInbox(step);
  if (state.end === 'completed') {
    if (undone.length > 0) fail('V3', `it is completed, and ${step.name} was undone`);
    if (isWanted && done.length === 0) fail(step.kind === 'retriable' ? 'V7' : 'V3', `it is completed, and ${step.name} never took effect`);
  }
  if (state.end !== 'compensated') return;
  if (step.kind === 'retriable' && done.length > 0) fail('V3', `it is compensated, and ${step.name} took effect`);
  if (step.kind === 'pivot' && isSure && done.length > 0) fail('V3', `it is compensated, and its pivot ${step.name} took effect`);
  // A participant without an inbox may run a late copy after the undo: protocol, 12.
  if (step.undo !== undefined && done.length > 0 && undone.length === 0) fail('V3', `it is compensated, and ${step.name} was not undone`);
}

/** V5, from the history and from the effects apart. */
function checkOrder(shape: SagaShape, state: SagaState, history: readonly HistoryEntry[], effects: readonly Effect[], fail: Fail): void {
  const settled: string[] = [];
  const sent: string[] = [];
  for (const effect of history.flatMap((entry): readonly HistoryEffect[] => entry.effects)) {
    if (isSettling(shape, effect) && !settled.includes(effect.step)) settled.push(effect.step);
    if (effect.do === 'sent' && effect.phase === 'c' && !sent.includes(effect.step)) {
      sent.push(effect.step);
      const open = sent.slice(0, -1).filter((step) => !isUndoneBefore(history, step, effect.step));
      const isBlocked = shape.order === 'reverse' ? open.length > 0 : open.some((step) => dependsOn(shape, step, effect.step));
      if (isBlocked) fail('V5', `${effect.step} is undone before ${open.join(', ')} has been`);
    }
  }
  const expected = settled.toReversed().filter((step) => sent.includes(step));
  if (shape.order === 'reverse' && expected.join() !== sent.join())
    fail('V5', `it settled ${settled.join(', ')}, and was undone ${sent.join(', ')}`);
  const undone = effects.filter(
    ({ direction, participant }) => direction === 'compensation' && participant !== 'plain' && participant !== 'raw',
  );
  for (const [index, effect] of undone.entries()) {
    for (const later of undone.slice(index + 1)) {
      const isWrong =
        shape.order === 'reverse' ? sent.indexOf(later.step) < sent.indexOf(effect.step) : dependsOn(shape, later.step, effect.step);
      if (isWrong && !isRepeated(undone, later)) fail('V5', `${effect.step} was undone before ${later.step}`);
    }
  }
  if (state.direction === 'forward' && sent.length > 0) fail('V7', `it goes forward, and undid ${sent.join(', ')}`);
}
function isSettling(shape: SagaShape, effect: HistoryEffect): effect is HistoryEffect & { readonly step: string } {
  if (effect.do === 'succeeded' || effect.do === 'unknown') return true;
  // Without an inbox a "no" proves nothing.
  return effect.do === 'rejected' && shape.steps.some((step) => step.name === effect.step && step.kind === 'step' && !hasInbox(step));
}
function isUndoneBefore(history: readonly HistoryEntry[], step: string, other: string): boolean {
  for (const effect of history.flatMap((entry): readonly HistoryEffect[] => entry.effects)) {
    if (effect.do === 'undone' && effect.step === step) return true;
    // A late answer may say that there is nothing to undo.
    if (effect.do === 'rejected' && effect.step === step) return true;
    if (effect.do === 'sent' && effect.phase === 'c' && effect.step === other) return false;
  }
  return false;
}
function dependsOn(shape: SagaShape, later: string, earlier: string): boolean {
  const index = (name: string) => shape.steps.findIndex((step) => step.name === name);
  return ancestorsOf(shape, index(later)).has(index(earlier));
}
/** Effects outside may happen once more; the first time counts. */
function isRepeated(undone: readonly Effect[], effect: Effect): boolean {
  return effect.isOutside && undone.some(({ step, seq }) => step === effect.step && seq < effect.seq);
}

async function checkStarts(world: World, clients: Clients): Promise<void> {
  const all = (await world.sagas.inner.list({ limit: 500 })).sagas;
  const ids = new Map<string, number>();
  for (const { id, script } of clients.known.values()) if (id !== undefined) ids.set(id, script.n);
  for (const { state } of all) {
    if (!ids.has(state.id)) world.violate('V2', `there is a saga ${state.id} that no start was answered with (key ${state.key})`);
  }
  if (new Set(ids.keys()).size !== [...clients.known.values()].filter(({ id }) => id !== undefined).length) {
    world.violate('V2', 'two starts were answered with one saga');
  }
}

/** V12: whatever was written within a client's transaction has become a saga, or was found to be one. */
async function checkIncoming(world: World): Promise<void> {
  const page = { after: '', limit: 1_000, versions: world.plans, inputLength: 1 };
  const rows = await world.sagas.inner.incoming.read(page);
  if (rows.length > 0) world.violate('V12', `${rows.length} incoming starts are left`);
}

/** V13. */
async function checkBroker(world: World): Promise<void> {
  for (const queue of [...QUEUES, NAMES.deadLetters]) {
    const depth = world.broker.depth(queue);
    if (depth > 0) world.violate('V13', `${depth} messages are left in ${queue}`);
  }
  const letters = await lettersIn(world.sagas.inner);
  const { rubbish } = world.watcher;
  for (const letter of letters) {
    world.counters.add('dead letter');
    if (!rubbish.has(letter.messageId))
      world.violate('V13', `a good message is among the dead letters: ${letter.messageId} (${letter.reason})`);
  }
  const isLossy = world.of.faults.some(({ kind }) => kind === 'broker-wipe' || kind === 'queue-delete' || kind === 'queue-purge');
  const kept = new Set(letters.map(({ messageId }) => messageId));
  for (const id of rubbish) if (!isLossy && !kept.has(id)) world.violate('V13', `${id} is not among the dead letters`);
}

function countResends(world: World, history: readonly HistoryEntry[], wipedAt: number): void {
  const at = world.time.now() - world.time.elapsed + wipedAt;
  for (const entry of history) if (entry.event === 'resent' && entry.at > at) world.counters.add('resent after a loss');
}
