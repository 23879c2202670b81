import type { CrashPoint } from '../../../src/core/crash-points.js';

/** Which process is killed. */
export type Victim = 'daemon' | 'participant' | 'migrate';
/**
 * What has to happen for a process to pass a point. `load`: sagas run. `undo`, `fence`, `tombstone`, `outside`, `conflict`, `timers`: some of
 * them are such that this happens. `rubbish`: nobody can read a message. `operator`: somebody cancels sagas. `stranger`: a reply reaches a
 * daemon that has not loaded its definition. `boot`: the process starts.
 */
export type Need =
  'load' | 'undo' | 'fence' | 'tombstone' | 'outside' | 'conflict' | 'timers' | 'rubbish' | 'operator' | 'stranger' | 'again' | 'boot';

/** A point in one kind of process. */
export interface Target {
  readonly point: CrashPoint;
  readonly victim: Victim;
  readonly need: Need;
  /** Rows of the catalogue. */
  readonly rows: readonly string[];
}

type Line = readonly [point: CrashPoint, need: Need, ...rows: readonly string[]];

const DAEMON: readonly Line[] = [
  ['start.checked', 'load', 'A1'],
  ['batch.taken', 'load', 'A1', 'A6'],
  ['store.lock-sent', 'load', 'A6'],
  ['store.locked', 'load', 'A6', 'A7'],
  ['store.decided', 'load', 'A6', 'A7'],
  ['store.keys-claimed', 'load', 'A1', 'A7'],
  ['store.commit-sent', 'load', 'A7', 'E4'],
  ['store.committed', 'load', 'A3', 'A8'],
  ['batch.committed', 'load', 'A3', 'A8'],
  ['start.committed', 'load', 'A2'],
  ['operator.committed', 'operator', 'A2'],
  ['action.committed', 'load', 'A3'],
  ['undo.committed', 'undo', 'A11'],
  ['fence.committed', 'fence', 'A3', 'A10'],
  ['saga.ended', 'load', 'A8'],
  ['reply.parked', 'stranger', 'A8', 'H3'],
  ['batch.published', 'load', 'A5', 'A8'],
  ['sweep.claimed', 'timers', 'A9'],
  ['sweep.committed', 'timers', 'A10'],
  ['sweep.published', 'timers', 'A10'],
  ['finished.moved', 'load', 'A10'],
  ['dead-letter.received', 'rubbish', 'C3'],
  ['dead-letter.stored', 'rubbish', 'C3'],
  ['definitions.registered', 'boot', 'A14'],
  ['transport.delivered', 'load', 'A6'],
  ['transport.sending', 'load', 'A4'],
  ['transport.confirming', 'load', 'A4'],
  ['transport.acknowledging', 'load', 'A8'],
  ['transport.acknowledged', 'load', 'A8'],
];

const PARTICIPANT: readonly Line[] = [
  ['transport.delivered', 'load', 'B1'],
  ['transport.sending', 'load', 'B3', 'B4'],
  ['transport.confirming', 'load', 'B4'],
  ['transport.acknowledging', 'load', 'B4'],
  ['transport.acknowledged', 'load', 'B4'],
  ['command.delivered', 'load', 'B1'],
  ['inbox.begun', 'load', 'B1'],
  ['inbox.claimed', 'load', 'B2'],
  ['handler.ran', 'load', 'B2'],
  ['undo.ran', 'undo', 'B2', 'A11'],
  ['answer.found', 'again', 'B3'],
  ['tombstone.stored', 'tombstone', 'B2', 'B12'],
  ['fence.answered', 'fence', 'B2'],
  ['inbox.stored', 'load', 'B2'],
  ['inbox.committing', 'load', 'B2', 'B3'],
  ['inbox.committed', 'load', 'B3'],
  ['group.undone', 'conflict', 'B2'],
  ['outside.started', 'outside', 'B2'],
  ['outside.ran', 'outside', 'B2'],
  ['outside.written', 'outside', 'B2'],
  ['outside.stored', 'outside', 'B3'],
  ['answer.due', 'load', 'B3'],
  ['answer.published', 'load', 'B4'],
  ['prepare.locked', 'boot', 'A14'],
  ['prepare.ran', 'boot', 'A14'],
  ['prepare.committed', 'boot', 'A14'],
];

const MIGRATE: readonly Line[] = [
  ['migrate.locked', 'boot', 'A14'],
  ['migrate.tables-made', 'boot', 'A14'],
  ['migrate.tables-committed', 'boot', 'A14'],
  ['migrate.partition-made', 'boot', 'A14'],
  ['migrate.partition-committed', 'boot', 'A14'],
];

const of = (victim: Victim, lines: readonly Line[]): Target[] => lines.map(([point, need, ...rows]) => ({ point, victim, need, rows }));

export const TARGETS: readonly Target[] = [...of('daemon', DAEMON), ...of('participant', PARTICIPANT), ...of('migrate', MIGRATE)];

/** What few of the sagas come to. */
export function isRare(need: Need): boolean {
  return need !== 'load' && need !== 'timers' && need !== 'undo' && need !== 'outside';
}

export const nameOf = ({ victim, point }: Target): string => `${victim}/${point}`;
