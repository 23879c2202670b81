import { describe, expect, it } from '@jest/globals';
import type { Claim, InboxState } from '../../../src/ports/inbox.js';
import { failure, success, rejected } from '../../../src/participant/answer.js';
import { begun, claimsOf, judge, mayBeUnderWay, settle, type Found } from '../../../src/participant/barrier.js';
import { commandOf, DAY } from './commands.js';

const HORIZON = 30 * DAY;
const STORED = '{"paymentId":"p-1"}';
const NO = '{"code":"card-declined","message":"no"}';
type Row = 'absent' | InboxState;

const action = commandOf({ phase: 'a' });
const undo = commandOf({ phase: 'c' });
const undoKnown = commandOf({ phase: 'c', action: { ...undo.action!, outcome: 'success' } });
const fence = commandOf({ phase: 'f' });

interface World {
  readonly action: Row;
  readonly own?: Row;
  readonly now?: number;
  readonly sameRequest?: boolean;
}

function found(command: typeof action, { action: row, own, now = 0, sameRequest = true }: World): Found {
  const claims = claimsOf(command, 'hash');
  const hash = sameRequest ? 'hash' : 'another';
  return {
    claims,
    action: claimOf(claims.action, row, hash),
    own: claims.own && claimOf(claims.own, own ?? 'absent', hash),
    now,
    horizonMs: HORIZON,
  };
}
function claimOf(of: Found['claims']['action'], row: Row, requestHash: string): Claim {
  if (row === 'absent') return { fresh: true };
  const reply = row === 'success' ? STORED : row === 'rejected' ? NO : null;
  return { fresh: false, row: { ...of, requestHash, state: row, reply } };
}
/** The verdict and what becomes of the rows, in short. */
function decide(command: typeof action, world: World, handled = success(STORED)) {
  const at = found(command, world);
  const verdict = judge(command, at);
  const answer = verdict.do === 'answer' ? verdict.answer : handled;
  const { store, release } = settle(at, verdict, answer);
  const body = JSON.parse(answer.body) as { code?: string } | null;
  return {
    runs: verdict.do === 'run',
    answers: answer.outcome === 'success' ? answer.body : `${answer.outcome} ${body?.code}`,
    rows: [...store.map((row) => `${row.direction} ${row.state}`), ...release.map((row) => `${row.direction} released`)],
  };
}

describe('an action', () => {
  it.each<[string, World, ReturnType<typeof decide>]>([
    ['runs when its row is new', { action: 'absent' }, { runs: true, answers: STORED, rows: ['action success'] }],
    [
      'is refused beyond the horizon',
      { action: 'absent', now: HORIZON + 1 },
      { runs: false, answers: 'error beyond-horizon', rows: ['action released'] },
    ],
    ['runs at the edge of the horizon', { action: 'absent', now: HORIZON }, { runs: true, answers: STORED, rows: ['action success'] }],
    ['gets its stored reply', { action: 'success' }, { runs: false, answers: STORED, rows: [] }],
    ['gets its stored reply however old', { action: 'success', now: 2 * HORIZON }, { runs: false, answers: STORED, rows: [] }],
    ['gets its stored rejection', { action: 'rejected' }, { runs: false, answers: 'rejected card-declined', rows: [] }],
    ['is refused by the tombstone', { action: 'tombstone' }, { runs: false, answers: 'rejected undone', rows: [] }],
    [
      'is refused by a tombstone that another request made',
      { action: 'tombstone', sameRequest: false },
      { runs: false, answers: 'rejected undone', rows: [] },
    ],
    ['runs again when it was started', { action: 'started' }, { runs: true, answers: STORED, rows: ['action success'] }],
    ['with another request is refused', { action: 'success', sameRequest: false }, { runs: false, answers: 'error id-reused', rows: [] }],
    [
      'with another request is refused after a rejection',
      { action: 'rejected', sameRequest: false },
      { runs: false, answers: 'error id-reused', rows: [] },
    ],
  ])('%s', (_, world, expected) => expect(decide(action, world)).toEqual(expected));

  it('is stored when it is rejected', () => {
    expect(decide(action, { action: 'absent' }, rejected('card-declined', 'no')).rows).toEqual(['action rejected']);
  });
  it('leaves no row when it fails', () => {
    expect(decide(action, { action: 'absent' }, failure('handler-failed', 'boom')).rows).toEqual(['action released']);
  });
  it('stays started when it fails after it was', () => {
    expect(decide(action, { action: 'started' }, failure('handler-failed', 'boom')).rows).toEqual([]);
  });
});

describe('a compensation of an action of unknown outcome', () => {
  it.each<[string, World, ReturnType<typeof decide>]>([
    [
      'makes the action impossible that never ran',
      { action: 'absent' },
      { runs: false, answers: 'null', rows: ['action tombstone', 'compensation success'] },
    ],
    ['has nothing to undo after a rejection', { action: 'rejected' }, { runs: false, answers: 'null', rows: ['compensation success'] }],
    ['has nothing to undo after a fence', { action: 'tombstone' }, { runs: false, answers: 'null', rows: ['compensation success'] }],
    ['runs after a success', { action: 'success' }, { runs: true, answers: STORED, rows: ['compensation success'] }],
    ['runs after a start', { action: 'started' }, { runs: true, answers: STORED, rows: ['action tombstone', 'compensation success'] }],
    [
      'is refused when the action may have been forgotten',
      { action: 'absent', now: HORIZON + 1 },
      { runs: false, answers: 'error beyond-horizon', rows: ['action released', 'compensation released'] },
    ],
    ['gets its stored reply', { action: 'success', own: 'success' }, { runs: false, answers: STORED, rows: [] }],
    [
      'gets its stored reply though its action was pruned',
      { action: 'absent', own: 'success' },
      { runs: false, answers: STORED, rows: ['action released'] },
    ],
    [
      'runs again when it was started, past the tombstone',
      { action: 'tombstone', own: 'started' },
      { runs: true, answers: STORED, rows: ['compensation success'] },
    ],
    [
      'with another request is refused',
      { action: 'success', own: 'success', sameRequest: false },
      { runs: false, answers: 'error id-reused', rows: [] },
    ],
  ])('%s', (_, world, expected) => expect(decide(undo, world)).toEqual(expected));

  it('leaves no row when it fails', () => {
    expect(decide(undo, { action: 'success' }, failure('handler-failed', 'boom')).rows).toEqual(['compensation released']);
    expect(decide(undo, { action: 'started' }, failure('handler-failed', 'boom')).rows).toEqual(['compensation released']);
  });
  it('knows that another execution has undone the action, whatever it asked for', () => {
    const later = commandOf({ phase: 'c', execution: 2 });
    const world = found(undo, { action: 'success', own: 'success', sameRequest: false });
    expect(judge(later, { ...world, claims: claimsOf(later, 'hash') })).toMatchObject({ do: 'answer', answer: { outcome: 'success' } });
  });
});

describe('a compensation of an action that is known to have succeeded', () => {
  it.each<[string, World, ReturnType<typeof decide>]>([
    [
      'runs although there is no row',
      { action: 'absent' },
      { runs: true, answers: STORED, rows: ['action tombstone', 'compensation success'] },
    ],
    ['runs after a success', { action: 'success' }, { runs: true, answers: STORED, rows: ['compensation success'] }],
    [
      'runs however old the action is',
      { action: 'absent', now: HORIZON },
      { runs: true, answers: STORED, rows: ['action tombstone', 'compensation success'] },
    ],
    [
      'is refused when it may itself have been forgotten',
      { action: 'absent', now: HORIZON + 1 },
      { runs: false, answers: 'error beyond-horizon', rows: ['action released', 'compensation released'] },
    ],
  ])('%s', (_, world, expected) => expect(decide(undoKnown, world)).toEqual(expected));

  it('takes an old action for what the orchestrator says', () => {
    const late = commandOf({ phase: 'c', firstSentAt: 2 * HORIZON, action: { ...undoKnown.action!, firstSentAt: 0 } });
    expect(decide(late, { action: 'absent', now: 2 * HORIZON }).runs).toBe(true);
  });
});

describe('a fence', () => {
  it.each<[string, World, ReturnType<typeof decide>]>([
    [
      'makes the action impossible that never ran',
      { action: 'absent' },
      { runs: false, answers: 'rejected undone', rows: ['action tombstone'] },
    ],
    ['says so again', { action: 'tombstone' }, { runs: false, answers: 'rejected undone', rows: [] }],
    ['answers with the reply of an action that ran', { action: 'success' }, { runs: false, answers: STORED, rows: [] }],
    ['answers with the rejection of an action', { action: 'rejected' }, { runs: false, answers: 'rejected card-declined', rows: [] }],
    ['cannot know what became of one that was started', { action: 'started' }, { runs: false, answers: 'error outcome-unknown', rows: [] }],
    [
      'cannot know beyond the horizon',
      { action: 'absent', now: HORIZON + 1 },
      { runs: false, answers: 'error beyond-horizon', rows: ['action released'] },
    ],
  ])('%s', (_, world, expected) => expect(decide(fence, world)).toEqual(expected));
});

describe('before an effect outside', () => {
  const rows = (command: typeof action, world: World) => begun(found(command, world)).map((row) => `${row.direction} ${row.state}`);

  it('an action is marked as started, once', () => {
    expect(rows(action, { action: 'absent' })).toEqual(['action started']);
    expect(rows(action, { action: 'started' })).toEqual([]);
  });
  it('a compensation makes its action impossible and is marked itself', () => {
    expect(rows(undo, { action: 'started' })).toEqual(['action tombstone', 'compensation started']);
    expect(rows(undo, { action: 'success' })).toEqual(['compensation started']);
    expect(rows(undo, { action: 'tombstone', own: 'started' })).toEqual([]);
  });
  it('a start is the only state that may still be under way', () => {
    const states = ['absent', 'started', 'success', 'rejected', 'tombstone'] as const;
    expect(states.filter((state) => mayBeUnderWay(found(undo, { action: state })))).toEqual(['started']);
  });
});
