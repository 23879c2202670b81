import type { Invariant, Mutant } from './types.js';

/** What has to hold after every run on real processes, and in every simulated one. */
export const INVARIANTS: readonly Invariant[] = [
  {
    id: 'V1',
    text: 'Every start that was answered exists and has ended some time after the last fault; those that are stuck are exactly those meant to be.',
    from: 'log of the clients, API',
  },
  {
    id: 'V2',
    text: 'A start whose answer was lost gave no saga or one for its key, never two.',
    from: 'log of the clients, API',
  },
  {
    id: 'V3',
    text: 'All or nothing. Completed: each action has one effect, no compensation has any. Compensated: each step has as many actions as compensations, none or one.',
    from: 'ledgers',
  },
  { id: 'V4', text: 'At most one effect for each saga, step and direction.', from: 'ledgers' },
  {
    id: 'V5',
    text: 'Undoing is the exact reverse of settling; a compensation begins after the one before it has ended.',
    from: 'ledgers, history',
  },
  {
    id: 'V6',
    text: 'No action takes effect after its compensation or tombstone; no compensation does without its action.',
    from: 'ledgers',
  },
  { id: 'V7', text: 'After the pivot nothing is undone, and every retriable step is done.', from: 'ledgers' },
  {
    id: 'V8',
    text: 'Money is conserved in every snapshot, no account is negative, nothing is held back in the end.',
    from: 'ledgers',
  },
  {
    id: 'V9',
    text: 'The history has no gap, begins with the start and has one end; after it there are only remarks.',
    from: 'API',
  },
  { id: 'V10', text: 'The history, replayed through the core, gives the state that is stored.', from: 'API' },
  { id: 'V11', text: 'The version goes up by one with every change, and every change has a cause.', from: 'API' },
  {
    id: 'V12',
    text: 'In the end nothing is in flight, no timer is left, and nothing is locked.',
    from: 'API, database',
  },
  {
    id: 'V13',
    text: 'All queues are empty, and the dead letters are exactly the bad messages that were injected.',
    from: 'broker',
  },
  {
    id: 'V14',
    text: 'What was confirmed was delivered or put aside; copies are counted apart.',
    from: 'counters',
  },
  {
    id: 'V15',
    text: 'No timer acts early by the clock of the database; late by at most a second (p99) while everything runs.',
    from: 'history',
  },
  {
    id: 'V16',
    text: 'Effects do not depend on how often messages are delivered: the same seed with and without faults ends the same.',
    from: 'two runs',
  },
  {
    id: 'V17',
    text: 'Every decision of an operator is in the audit once, whose chain is whole, and nothing else is.',
    from: 'database, history, log of the operators',
  },
  {
    id: 'V18',
    text: 'As many messages were rejected as were forged, and none of them changed anything.',
    from: 'counters, history',
  },
  { id: 'V19', text: 'Planted secrets are found nowhere.', from: 'everything that a run leaves, API, audit' },
  {
    id: 'V20',
    text: 'After the last fault the last 20 starts at each daemon are answered within 5 s.',
    from: 'log of the clients',
  },
  { id: 'V21', text: 'Memory, file descriptors, connections, channels and dead rows are bounded.', from: 'samples' },
  {
    id: 'V22',
    text: 'No error in a log without a fault that explains it, and no rejection that nobody handled.',
    from: 'logs',
  },
  {
    id: 'V23',
    text: 'What had to happen did happen: redelivery, stored replies sent again, empty compensations, late actions refused, late replies, conflicts of versions, publishing repeated, returned messages, unknown commits of both kinds, sending again after a wipe, dead letters.',
    from: 'counters',
  },
];

/** Deliberate bugs. Each has to be noticed, by the check that is named for it. */
export const MUTANTS: readonly Mutant[] = [
  { id: 'M1', text: 'acknowledges before the commit' },
  { id: 'M2', text: 'takes a message for sent before its confirm' },
  { id: 'M3', text: 'ignores that a message came back' },
  { id: 'M4', text: 'sends after a watermark of numbers instead of what is in flight' },
  { id: 'M5', text: 'writes a row without checking its version' },
  { id: 'M6', text: 'keeps timers in memory only' },
  { id: 'M7', text: 'never sends a command again' },
  { id: 'M8', text: 'does not undo a step that timed out' },
  { id: 'M9', text: 'undoes in the order of settling' },
  { id: 'M10', text: 'runs an action whose command is known already' },
  { id: 'M11', text: 'leaves no tombstone' },
  { id: 'M12', text: 'keeps the inbox row in another transaction than the effect' },
  { id: 'M13', text: 'applies a late reply' },
  { id: 'M14', text: 'acknowledges a command whose handler failed, without an answer' },
  { id: 'M15', text: 'starts without looking at the key' },
  { id: 'M16', text: 'tries a compensation once only' },
  { id: 'M17', text: 'does not check the signature, or leaves a field out of it' },
  { id: 'M18', text: 'reads its own clock instead of the database’s' },
];
