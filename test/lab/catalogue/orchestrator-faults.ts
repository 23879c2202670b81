import type { Fault } from './types.js';

/** Group A: an orchestrator that dies, at any instant. */
export const ORCHESTRATOR_FAULTS: readonly Fault[] = [
  {
    id: 'A1',
    fault: 'killed after a start was asked for, before its commit',
    expected: 'the caller gets no answer, the saga is not there, and the same key again starts one saga',
    run: 'CF',
  },
  {
    id: 'A2',
    fault: 'killed after the commit of a start, before the answer',
    expected: 'the caller does not know; the same key again gives the saga that is there',
    run: 'CF',
  },
  {
    id: 'A3',
    fault: 'killed after the commit, before its commands are published',
    expected: 'the message that caused it comes again and causes them again; where none did, the resend timer does within 5 s',
    deviation: 'there is no outbox table and no claim: the commands in flight are part of the saga’s row, and it has a timer',
    run: 'CF',
  },
  {
    id: 'A4',
    fault: 'killed after publishing, before the confirm',
    expected: 'the command is published again under the same id, and its effect happens once',
    run: 'CF',
  },
  {
    id: 'A5',
    fault: 'killed after the confirm, before the message that caused it is acknowledged',
    expected: 'as A4',
    deviation: 'nothing is marked as sent; the acknowledgement is what remains to be done after a confirm',
    run: 'CF',
  },
  {
    id: 'A6',
    fault: 'killed with a reply delivered, before the transaction',
    expected: 'the broker delivers it again, and it is applied once',
    run: 'CF',
  },
  {
    id: 'A7',
    fault: 'killed within the transaction, between two of its writes',
    expected: 'all of it is rolled back, the reply is delivered again',
    run: 'CF',
  },
  {
    id: 'A8',
    fault: 'killed after the commit, before the acknowledgement',
    expected: 'the reply comes again, changes nothing, and is acknowledged; the history has no second entry',
    run: 'CF',
  },
  {
    id: 'A9',
    fault: 'killed when a timer was found due, before it acted',
    expected: 'it acts later, once',
    run: 'CF',
  },
  {
    id: 'A10',
    fault: 'killed after a timer acted and was committed, before what it caused was published',
    expected: 'it does not act a second time; what it caused is sent by the next timer',
    run: 'CF',
  },
  {
    id: 'A11',
    fault: 'killed while compensating, between two steps',
    expected: 'goes on with the step that is next; the order is unchanged',
    run: 'CF',
  },
  {
    id: 'A12',
    fault: 'killed at the same point again and again, then healed',
    expected: 'the sagas end as they would have; no count of attempts runs away',
    run: 'F',
  },
  {
    id: 'A13',
    fault: 'SIGTERM under load',
    expected: 'takes nothing new, finishes what is under way within 10 s, ends with exit code 0; what was finished is not delivered again',
    run: 'CF',
  },
  {
    id: 'A14',
    fault: 'killed while it migrates the schema',
    expected: 'a migration is one transaction, so that the next one starts over; a daemon older than the schema refuses to start',
    run: 'F',
  },
  {
    id: 'A15',
    fault: 'an exception in the code of one saga',
    expected:
      'that saga is stuck at that step and says why; the process and all other sagas go on. A rejection that the code leaves behind ends the process in order, with what was under way done; the next process goes on',
    deviation: 'nobody can tell whose a stray rejection is, so that the process does not go on in a state that nobody knows',
    run: 'CF',
  },
  {
    id: 'A16',
    fault: 'out of memory, out of file descriptors, nobody reads the log, the disk of the log is full',
    expected: 'the process restarts or goes on with less; nothing is half committed, and the engine never waits for its log',
    run: 'F',
  },
];
