/**
 * Where a process may die and it matters, with what is true at that moment. The code passes these points and nothing comes of it; the
 * laboratory's crash sweep listens, and kills the process that passes one.
 */
export const CRASH_POINTS = {
  // Of a daemon: from a start or a delivery to its transaction.
  'start.checked': 'a start is found right; nobody has written anything of it',
  'batch.taken': 'what waited makes a batch; its transaction has not begun',

  // Of a daemon: the transaction, whether of a batch or of a sweep.
  'store.lock-sent': 'BEGIN and the statement that locks and reads are sent, its rows have not come',
  'store.locked': 'the rows are locked and read; nothing is decided',
  'store.decided': 'all is decided; nothing is written',
  'store.keys-claimed': 'the keys of new sagas are written, the sagas themselves are not; uncommitted',
  'store.commit-sent': 'states, history and COMMIT are sent, their answer has not come',
  'store.committed': 'it is committed, and nobody has been told',

  // Of a daemon: what follows the commit of a batch.
  'batch.committed': 'a batch is committed; nothing is published, nobody answered, nothing acknowledged',
  'start.committed': 'a start is committed; whoever asked for it has no answer',
  'operator.committed': 'what an operator decided is committed; the operator has no answer',
  'action.committed': 'a command to do something is committed as in flight; it is not published',
  'undo.committed': 'a command to undo something is committed as in flight; it is not published',
  'fence.committed': 'a fence is committed as in flight; it is not published',
  'saga.ended': 'a saga has ended for good; nobody has been told',
  'reply.parked': 'a reply is committed as kept for another daemon; it is not acknowledged',
  'batch.published': 'all that a batch sends is confirmed; what caused it is not acknowledged',

  // Of a daemon: timers and housekeeping.
  'sweep.claimed': 'sagas with due timers are locked; none of the timers has been looked at',
  'sweep.committed': 'what the timers decided is committed; nothing is published',
  'sweep.published': 'what the timers sent is confirmed',
  'finished.moved': 'some sagas that have ended stand among the finished ones; more may wait to be moved',
  'dead-letter.received': 'dead letters have come; they are not stored',
  'dead-letter.stored': 'dead letters are stored; they are not acknowledged',
  'definitions.registered': 'the definitions are registered; nobody has looked at what is in flight',

  // Of `migrate`.
  'migrate.locked': 'the only one to migrate; nothing is done',
  'migrate.tables-made': 'the tables are made; uncommitted',
  'migrate.tables-committed': 'the tables are there; no partition is',
  'migrate.partition-made': 'a partition is made and not attached; uncommitted',
  'migrate.partition-committed': 'a partition is there; others are not',

  // Of every process that uses the broker.
  'transport.delivered': 'messages are delivered; nobody has looked at them',
  'transport.sending': 'a message is handed to the client library; others of its batch may not be',
  'transport.confirming': 'the broker has confirmed a message; nobody knows it yet',
  'transport.acknowledging': 'deliveries are to be acknowledged; the broker has not heard of it',
  'transport.acknowledged': 'acknowledgements are handed to the client library',

  // Of a participant: from the delivery to the commit.
  'command.delivered': 'commands are delivered; nothing is begun',
  'inbox.begun': 'a transaction has begun; no row is claimed',
  'inbox.claimed': 'the rows are claimed; no handler has run',
  'handler.ran': 'an action has run in its transaction; its answer is not stored',
  'undo.ran': 'a compensation has run in its transaction; its answer is not stored',
  'inbox.stored': 'the answers are stored; uncommitted',
  'inbox.committing': 'COMMIT is about to be sent',
  'inbox.committed': 'effects and answers are committed; nothing is answered',
  'group.undone': 'a group was rolled back; its commands are about to run one by one',
  'answer.found': 'a command was handled before, or must not be; its answer is found and no handler runs; uncommitted',
  'tombstone.stored': 'an action is made impossible; uncommitted',
  'fence.answered': 'a fence is answered from what was found; uncommitted',

  // Of a participant: effects outside the transaction.
  'outside.started': 'it is committed that the handler is about to run',
  'outside.ran': 'the effect is there; that it is, is written nowhere',
  'outside.written': 'what the handler registered is written, and its answer; uncommitted',
  'outside.stored': 'the answer is committed; the lock of the action is still held',

  // Of a participant: from the commit to the acknowledgement, and before all of it.
  'answer.due': 'answers are there; they are not published',
  'answer.published': 'answers are confirmed; their commands are not acknowledged',
  'prepare.locked': 'the only one to prepare a participant; nothing is done',
  'prepare.ran': 'the participant has prepared itself; uncommitted',
  'prepare.committed': 'one participant is prepared; others are not',
} as const;

export type CrashPoint = keyof typeof CRASH_POINTS;

let listener: ((point: CrashPoint) => void) | undefined;

/** Says that the process is at this point. Costs a comparison when nobody listens. */
export function pass(point: CrashPoint): void {
  if (listener !== undefined) listener(point);
}

/** Listens to all points of this process, for tests; `undefined` ends it. The listener is called within the call that passes. */
export function onPass(listen: ((point: CrashPoint) => void) | undefined): void {
  listener = listen;
}
