import type { Fault } from './types.js';

/** Group D: the broker. */
export const BROKER_FAULTS: readonly Fault[] = [
  {
    id: 'D1',
    fault: 'not up when the daemon starts',
    expected: 'the daemon starts, takes starts, says that it is not ready, and sends what it has when the broker comes',
    run: 'CF',
  },
  {
    id: 'D2',
    fault: 'killed and started again under load',
    expected: 'nothing is lost; progress within 10 s after it accepts connections',
    run: 'CF',
  },
  {
    id: 'D3',
    fault: 'stopped and started in place; all connections closed by force',
    expected: 'as D2, within 3 s',
    run: 'CF',
  },
  {
    id: 'D4',
    fault: 'its data is wiped',
    expected: 'queues are declared again, the timers send everything again, all sagas end',
    deviation: 'nobody else promises this; every command in flight has a timer in its row',
    run: 'F',
  },
  {
    id: 'D5',
    fault: 'a queue is deleted under its consumers',
    expected: 'declared and subscribed again; the timers send what was in it',
    run: 'CF',
  },
  { id: 'D6', fault: 'a queue is purged', expected: 'as D4 for that queue', run: 'CF' },
  {
    id: 'D7',
    fault: 'an exchange or a binding is deleted, so that a command reaches no queue',
    expected: 'it comes back, stays in flight, a warning names the participant, and its timer sends it when the way is there again',
    deviation: 'the daemon also declares again what is missing, so that the way comes back by itself',
    run: 'CF',
  },
  {
    id: 'D8',
    fault: 'a queue is there with other arguments',
    expected: 'the process does not start and names every difference',
    run: 'CF',
  },
  {
    id: 'D9',
    fault: 'short of memory for minutes',
    expected: 'publishing waits, consuming goes on, starts are taken; drains afterwards',
    run: 'CF',
  },
  { id: 'D10', fault: 'short of disk', expected: 'as D9', run: 'F' },
  {
    id: 'D11',
    fault: 'the broker refuses a message (nack)',
    expected: 'back-off, again; nothing is lost',
    run: 'CF',
  },
  {
    id: 'D12',
    fault: 'confirms that never come, come out of order, or for several at once',
    expected: 'no confirm in time means unknown, so again; each confirm counts for its own messages',
    deviation: 'confirms out of order and for several at once come from the broker under load; the proxy makes those that never come',
    run: 'CF',
  },
  {
    id: 'D13',
    fault: 'the line is cut in the middle of a frame, or while connecting',
    expected: 'connects again; half a message is never applied',
    run: 'CF',
  },
  {
    id: 'D14',
    fault: 'the line is half open: nothing comes, nobody is told',
    expected: 'noticed within 25 s by the heartbeat',
    run: 'CF',
  },
  {
    id: 'D15',
    fault: 'queues that would not survive a restart',
    expected: 'a queue that is not durable is a difference: the process does not start',
    run: 'F',
  },
  {
    id: 'D16',
    fault: 'permissions are taken away, or the password is changed, while running',
    expected: 'said in log and readiness; tried again; goes on after it is mended; nothing is lost',
    deviation: 'declarations are tried again every 30 s, so that readiness may show the old refusal for as long after it was mended',
    run: 'F',
  },
  {
    id: 'D17',
    fault: 'what dead letters need is missing',
    expected: 'the daemon declares the queue of the dead letters itself, and routes to it by the default exchange, which cannot be missing',
    run: 'F',
  },
  {
    id: 'D18',
    fault: 'up two seconds, down two seconds, for a minute',
    expected: 'no connection or channel leaks; the sagas end',
    deviation: 'twenty seconds at one up and one down; what leaks would leak at each turn',
    run: 'F',
  },
  {
    id: 'D19',
    fault: 'slow: 20 kB a second',
    expected: 'memory stays bounded; the pressure reaches publishing, not the database',
    run: 'F',
  },
  {
    id: 'D20',
    fault: 'the leader of a quorum queue is killed during an election',
    expected: 'a channel without confirms is replaced on the same connection and everything published again',
    run: 'CF',
  },
];

/** Group E: the database. */
export const DATABASE_FAULTS: readonly Fault[] = [
  { id: 'E1', fault: 'a backend is terminated in the middle of a query', expected: 'again; no event twice', run: 'CF' },
  {
    id: 'E2',
    fault: 'stopped at once and started every few seconds for two minutes',
    expected: 'nothing is lost, progress after each',
    run: 'CF',
  },
  {
    id: 'E3',
    fault: 'away for three minutes',
    expected: 'replies are kept, not sent back and forth; the API answers 503; goes on within 5 s',
    run: 'F',
  },
  {
    id: 'E4',
    fault: 'the outcome of a commit is not known; it was committed',
    expected: 'the repetition finds what it did itself: the key, or the version of the row',
    run: 'CF',
  },
  {
    id: 'E5',
    fault: 'the outcome of a commit is not known; it was not',
    expected: 'repeated, with effect once',
    deviation: 'a caller whose commit was cut is told that nobody knows; the same key decides',
    run: 'CF',
  },
  {
    id: 'E6',
    fault: 'a half-open line to the database',
    expected: 'statements end in bounded time, the connection is given up, the pool is whole again',
    run: 'CF',
  },
  {
    id: 'E7',
    fault: 'deadlock, serialization failure, lock time-out',
    expected: 'repeated with jitter, a bounded number of times',
    deviation: 'repetitions are in the log; a counter of them comes with the metrics',
    run: 'CF',
  },
  {
    id: 'E8',
    fault: 'all connections are taken',
    expected: 'back-pressure, readiness says so, no crash',
    run: 'CF',
  },
  {
    id: 'E9',
    fault: 'the disk of the database is full',
    expected: '503; no message is acknowledged; goes on afterwards',
    run: 'F',
  },
  {
    id: 'E10',
    fault: 'read-only after a failover',
    expected: 'taken for a lost connection: given up, and the one that is writable is looked for',
    run: 'F',
  },
  { id: 'E11', fault: 'failover to a synchronous standby', expected: 'no answered start is lost', run: 'F' },
  {
    id: 'E12',
    fault: 'failover to an asynchronous standby that lags',
    expected: 'what was not replicated is lost, and it shows: replies of sagas that are unknown now are among the dead letters',
    run: 'F',
  },
  {
    id: 'E13',
    fault: 'restored to what it was five minutes ago',
    expected: 'commands that are sent again meet the inboxes; replies of unknown sagas are among the dead letters',
    run: 'F',
  },
  {
    id: 'E14',
    fault: 'commits become visible in another order than their numbers',
    expected: 'nothing is missed: nothing follows a number; due sagas are found by their time',
    deviation: 'there is no outbox table that could be read past a gap',
    run: 'CF',
  },
  {
    id: 'E15',
    fault: 'somebody’s transaction stays open for twenty minutes under load',
    expected: 'finding what is due stays fast; what cannot be removed stays bounded',
    deviation: 'seconds instead of minutes in this test; the soak holds a transaction open for most of its time',
    run: 'F',
  },
  {
    id: 'E16',
    fault: 'a transaction is left open and idle',
    expected: 'ended by the server’s time-out, and the pool replaces the connection',
    run: 'CF',
  },
  {
    id: 'E17',
    fault: 'autovacuum is off for the hot table',
    expected: 'dead rows stay bounded by what the updates prune themselves; the daemon’s log tells of many',
    deviation: 'rows are updated in place and pruned as they are read; the warning comes once a minute at most and never affects readiness',
    run: 'F',
  },
  {
    id: 'E18',
    fault: 'a migration locks a table for 30 s',
    expected: 'waiting is bounded; goes on afterwards',
    deviation: 'a few seconds of lock in this test: what bounds the wait is lock_timeout, which is a second there',
    run: 'F',
  },
];

/** Group F: time. */
export const TIME_FAULTS: readonly Fault[] = [
  {
    id: 'F1',
    fault: 'the clock of a daemon is an hour or a day wrong, either way',
    expected: 'no timer early or lost: they follow the clock of the database',
    run: 'CF',
  },
  {
    id: 'F2',
    fault: 'the clock of the database jumps, back or forward',
    expected: 'timers act late, or at once; never twice; the history does not go back in time',
    deviation: 'the clock is moved by functions that a test puts in the place of the server’s own; the product has no hook for it',
    run: 'F',
  },
  { id: 'F3', fault: 'a timer of more than 24.8 days', expected: 'does not act at once', run: 'CF' },
  {
    id: 'F4',
    fault: '100,000 timers are due at the same instant',
    expected: 'taken in batches; new work does not wait for them',
    run: 'F',
  },
  {
    id: 'F5',
    fault: 'a time-out and the reply in the same millisecond',
    expected: 'the row’s lock puts them in order; the other one is a copy or late',
    run: 'CF',
  },
  {
    id: 'F6',
    fault: 'summer time, leap seconds, the year 2038, a server in another time zone',
    expected: 'none of them matters',
    run: 'F',
  },
];

/** Group G: several at once, and those who come back from the dead. */
export const CONCURRENCY_FAULTS: readonly Fault[] = [
  {
    id: 'G1',
    fault: 'two daemons have the reply and the time-out of one saga',
    expected: 'one transition for each version',
    run: 'CF',
  },
  {
    id: 'G2',
    fault: 'a daemon is stopped for a minute with work in hand, then goes on',
    expected:
      'its write finds another version and changes nothing; what it would acknowledge has gone to others; it publishes nothing stale',
    run: 'CF',
  },
  {
    id: 'G3',
    fault: 'a daemon is stopped between reading and commit',
    expected: 'as G2',
    deviation: 'the crash sweep stops the process itself at that point; the jest test stalls its links',
    run: 'CF',
  },
  {
    id: 'G4',
    fault: 'the event loop is blocked for 30 s',
    expected: 'its connection is lost, others take over, on return as G2',
    run: 'CF',
  },
  {
    id: 'G5',
    fault: 'fifty clients start the same key at once',
    expected: 'one saga, fifty equal answers; another input under the same key: 409',
    run: 'CF',
  },
  {
    id: 'G6',
    fault: 'a cancel races the last reply',
    expected: 'completed or compensated, never both, and the answer says which or that it is open',
    run: 'CF',
  },
  {
    id: 'G7',
    fault: 'two operators decide the same stuck step',
    expected: 'one wins, the other gets 409; both are audited',
    deviation:
      'a step that is under way again because one has retried it may still be settled by the other; who means the state that they saw sends `If-Match`, and gets 412',
    run: 'CF',
  },
  { id: 'G8', fault: 'from one daemon to three and back under load', expected: 'no gap, nothing twice', run: 'F' },
  {
    id: 'G9',
    fault: 'all links are cut one by one and restored in another order',
    expected: 'everything ends as it would have',
    run: 'F',
  },
];
