import type { Fault } from './types.js';

/** Group H: definitions and versions. */
export const DEFINITION_FAULTS: readonly Fault[] = [
  {
    id: 'H1',
    fault: 'a version is removed while sagas of it are in flight',
    expected: 'the daemon does not start, and says how many; with `--allow-orphans` they wait for a process that has it',
    run: 'CF',
  },
  {
    id: 'H2',
    fault: 'the code of a version is changed under the same number',
    expected: 'the fingerprint differs: the daemon does not start while sagas of it are in flight, and says what changed',
    run: 'CF',
  },
  {
    id: 'H3',
    fault: 'during a deployment an old process meets a saga of a newer version',
    expected: 'leaves it to those that have the version; no loop of errors',
    run: 'F',
    waitsFor: 'versions',
  },
  {
    id: 'H4',
    fault: 'back to the release before, with sagas of the new one in flight',
    expected: 'as H3',
    run: 'F',
    waitsFor: 'versions',
  },
  {
    id: 'H5',
    fault: 'a step before the pivot without a compensation; the compensation of a step is removed',
    expected: 'the first does not compile and is refused at load; the second changes the fingerprint',
    run: 'C',
  },
  {
    id: 'H6',
    fault: 'recorded histories on a new core',
    expected: 'the same decisions, or the difference is listed',
    run: 'CF',
    waitsFor: 'versions',
  },
];

/** Group I: API, command line, dashboard, load. */
export const FACE_FAULTS: readonly Fault[] = [
  {
    id: 'I1',
    fault: 'no token, an invalid or expired one, one for somebody else, one with too little rights',
    expected: '401 or 403; refused by default on every route',
    run: 'CF',
  },
  {
    id: 'I2',
    fault: 'SQL in searches, orders, cursors, ids',
    expected: 'parameters only; no 5xx, no row changes',
    run: 'CF',
  },
  {
    id: 'I3',
    fault: 'markup in names, errors, payloads, actors',
    expected: 'shown as text; the browser reports nothing',
    run: 'CF',
  },
  {
    id: 'I4',
    fault: 'control characters and line ends in what is printed or logged',
    expected: 'escaped; one record stays one line',
    run: 'CF',
  },
  {
    id: 'I5',
    fault: 'requests that a foreign page sends; a page that frames ours; a wrong origin',
    expected: 'refused',
    run: 'CF',
  },
  {
    id: 'I6',
    fault: 'huge listings and searches over a million sagas',
    expected:
      'pages by key, at most 500 rows, 5 s at the database for each and few at a time (503 beyond that); the engine hardly notices: sagas take at most half as long again',
    run: 'CF',
  },
  {
    id: 'I7',
    fault: 'bodies of 10 MiB, slow headers, thousands of idle connections',
    expected: '413 or 408, bounds for each client; sagas go on',
    run: 'F',
  },
  {
    id: 'I8',
    fault: 'a URL that leads the server inside its own network',
    expected: 'only what is on the list; no redirects',
    run: 'CF',
  },
  {
    id: 'I9',
    fault: 'secrets in logs, errors, histories, metrics',
    expected: 'planted ones are found nowhere',
    run: 'CF',
  },
  {
    id: 'I10',
    fault: 'stack traces, SQL or versions in answers',
    expected: 'a problem with its code, nothing else',
    run: 'CF',
  },
  {
    id: 'I11',
    fault: 'tokens are tried by the thousand; comparing takes telling time',
    expected: '429; compared in constant time',
    run: 'CF',
  },
  {
    id: 'I12',
    fault: 'expressions that take for ever, or run code',
    expected: 'nothing is evaluated; matching takes linear time',
    run: 'CF',
  },
  {
    id: 'I13',
    fault: 'paths that climb out of the folder of static files; metrics for everybody',
    expected: '404; metrics have a port or role of their own',
    run: 'CF',
  },
  {
    id: 'I14',
    fault: 'participants are away for ten minutes under steady load',
    expected: 'recovery takes no longer than the outage did',
    run: 'F',
    waitsFor: 'speed',
  },
  {
    id: 'I15',
    fault: 'one kind of saga floods the others',
    expected: 'the others take at most twice as long',
    run: 'F',
    waitsFor: 'speed',
  },
];

/** Group J: hostile messages, from somebody who may use the broker. */
export const HOSTILE_FAULTS: readonly Fault[] = [
  {
    id: 'J1',
    fault: 'no signature, a wrong or revoked key, a truncated one',
    expected: 'put aside, counted, no change',
    run: 'CF',
  },
  {
    id: 'J2',
    fault: 'a message that names another algorithm',
    expected: 'the key decides the algorithm, not the message',
    run: 'CF',
  },
  {
    id: 'J3',
    fault: 'a flipped bit in the body; any signed field exchanged',
    expected: 'put aside: a test for each field',
    run: 'CF',
  },
  {
    id: 'J4',
    fault: 'a participant forges the reply of another',
    expected: 'put aside: the key belongs to who answers',
    run: 'CF',
  },
  {
    id: 'J5',
    fault: 'a participant forges a command',
    expected: 'put aside: commands need a key of the orchestrator',
    run: 'CF',
  },
  {
    id: 'J6',
    fault: 'genuine messages are replayed: at once, after the end, after the horizon, elsewhere',
    expected: 'no effect',
    run: 'CF',
  },
  {
    id: 'J7',
    fault: 'the genuine reply of one attempt is replayed as that of another',
    expected: 'the attempt is signed; as B10',
    run: 'CF',
  },
  {
    id: 'J8',
    fault: 'keys are exchanged under load',
    expected: 'no genuine message is put aside',
    run: 'CF',
  },
  {
    id: 'J9',
    fault: 'the clock of a receiver is days wrong',
    expected: 'accepts all the same',
    run: 'F',
  },
  {
    id: 'J10',
    fault: 'an encrypted payload is tampered with, moved to another saga, or its key is missing',
    expected: 'put aside; a missing key is waited for',
    run: 'CF',
  },
  {
    id: 'J11',
    fault: '2,000 invalid messages a second',
    expected: 'genuine traffic keeps most of its speed',
    run: 'F',
    waitsFor: 'speed',
  },
  {
    id: 'J12',
    fault: 'a participant reads, declares or deletes what is not its own at the broker',
    expected: 'the broker refuses it',
    run: 'F',
  },
  {
    id: 'J13',
    fault: 'no TLS, a wrong authority, an expired certificate',
    expected: 'does not start or connect',
    run: 'CF',
  },
  {
    id: 'J14',
    fault: 'a row of the audit is changed or deleted',
    expected: 'the check names the first bad row',
    run: 'CF',
  },
];
