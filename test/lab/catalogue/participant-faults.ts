import type { Fault } from './types.js';

/** Group B: participants that die, are silent, late, contradictory, or out of order. */
export const PARTICIPANT_FAULTS: readonly Fault[] = [
  { id: 'B1', fault: 'killed after the delivery, before the transaction', expected: 'delivered again, one effect', run: 'CF' },
  { id: 'B2', fault: 'killed within the handler’s transaction', expected: 'rolled back, delivered again, one effect', run: 'CF' },
  {
    id: 'B3',
    fault: 'killed after the commit, before the reply is published',
    expected: 'the command comes again and gets the stored reply; the handler does not run',
    run: 'CF',
  },
  {
    id: 'B4',
    fault: 'killed after the reply was published, before its confirm or the acknowledgement',
    expected: 'the reply comes a second time and changes nothing',
    run: 'CF',
  },
  {
    id: 'B5',
    fault: 'never answers',
    expected: 'time out, retry by the policy, then turn back; the silent step is undone as well, since it may have happened',
    run: 'CF',
  },
  { id: 'B6', fault: 'answers twice with the same outcome', expected: 'the second answer changes nothing', run: 'CF' },
  {
    id: 'B7',
    fault: 'answers twice with different outcomes',
    expected: 'the first that decides counts; the other changes nothing, and is kept as attention for a person',
    run: 'CF',
  },
  {
    id: 'B8',
    fault: 'a late success after the time-out, while the saga is being undone',
    expected: 'recorded; the compensation of the step was planned already and undoes it, with the reply if it is not sent yet',
    run: 'CF',
  },
  {
    id: 'B9',
    fault: 'a late success after the saga has ended compensated',
    expected: 'with an inbox the tombstone has made it impossible; without one it is kept as attention on the finished saga',
    run: 'CF',
  },
  {
    id: 'B10',
    fault: 'the success of an old attempt, while a newer one is out',
    expected: 'accepted: it is the same command; the newer answer is a copy',
    run: 'CF',
  },
  { id: 'B11', fault: 'the error of an old attempt, late', expected: 'ignored: errors belong to an attempt', run: 'CF' },
  {
    id: 'B12',
    fault: 'a compensation without its action, or before it',
    expected: 'leaves a tombstone, has no effect, answers success',
    run: 'CF',
  },
  {
    id: 'B13',
    fault: 'an action after its compensation',
    expected: 'finds the tombstone: `rejected`, code `undone`, no effect',
    run: 'CF',
  },
  {
    id: 'B14',
    fault: 'a compensation while the action’s transaction is open',
    expected: 'waits for it and then undoes it; without a deadlock; after the lock wait it is an `error` and is tried again',
    run: 'CF',
  },
  {
    id: 'B15',
    fault: 'a compensation overtakes its action in another process',
    expected: 'as B12 and B13, whichever of the processes gets which',
    run: 'CF',
  },
  {
    id: 'B16',
    fault: 'a compensation fails some times, then works',
    expected: 'backs off, keeps the order, skips nothing',
    run: 'CF',
  },
  {
    id: 'B17',
    fault: 'a compensation fails for ever',
    expected: 'its step is stuck and says why; the steps before it stay as they are until a person retries or settles it with a reason',
    deviation: 'there is no skip: settling states an outcome, so that nobody can pass over a step without saying what became of it',
    run: 'CF',
  },
  {
    id: 'B18',
    fault: 'a handler slower than the broker’s time for acknowledgements',
    expected: 'the broker closes the channel and delivers again; the copy meets the lock or the stored reply; one effect',
    deviation: 'the limit is not known to a client, so that nothing warns at half of it; handlers have a limit of their own, well below it',
    run: 'F',
  },
  {
    id: 'B19',
    fault: 'a handler throws what is no Error, rejects with undefined, hangs, or blocks its process',
    expected: 'an `error`, which is tried again; a lost connection means delivery elsewhere; one effect',
    run: 'CF',
  },
  {
    id: 'B20',
    fault: 'the participant’s database is away, or a commit has no known outcome',
    expected: 'nothing is answered or acknowledged, back-off; one effect when it is back',
    run: 'CF',
  },
  {
    id: 'B21',
    fault: 'the reply comes before the orchestrator has the confirm of its command',
    expected: 'accepted like any other',
    run: 'CF',
  },
  {
    id: 'B22',
    fault: 'a reply for an unknown saga, step or definition',
    expected:
      'unknown saga or step: among the dead letters, with the reason. A definition that is not loaded: kept in the saga’s row until a process has it. Nothing is dropped, nothing crashes',
    run: 'CF',
  },
  {
    id: 'B23',
    fault: 'an inbox row was pruned, then an old command arrives',
    expected: 'answered `beyond-horizon`, nothing is run, the step is stuck and a person decides',
    run: 'F',
  },
  {
    id: 'B24',
    fault: 'a participant is restored from an older backup',
    expected:
      'a limit. Commands in flight are done again, and what is known to have succeeded is undone although its row is gone; an effect of a finished step that the backup lacks is not noticed',
    deviation: 'the orchestrator keeps no ledger of effects to compare with; comparing is the business of those who restore',
    run: 'F',
  },
  {
    id: 'B25',
    fault: 'two participants share a queue, but not a database',
    expected:
      'forbidden, and documented. What is detected: a process that cannot handle a command puts it among the dead letters by name; processes with inboxes in different databases are not told apart',
    deviation: 'participants do not register with the orchestrator: they may be written in any language and join by consuming a queue',
    run: 'F',
  },
  {
    id: 'B26',
    fault: 'the SDK is a version older or newer than the orchestrator',
    expected: 'unknown fields and headers are ignored, an unknown version of the wire is put aside',
    run: 'F',
    waitsFor: 'versions',
  },
];
