// What `npm run bench` may be told. Pure: arguments in, options or faults out.

export const SCENARIOS = /** @type {const} */ (['throughput', 'compensate', 'latency', 'growth', 'start', 'backlog', 'daemons']);
export const PARTICIPANTS = /** @type {const} */ (['none', 'inbox', 'batch', 'batch-none']);
/** What `bench/run.mjs` may sign with. */
export const SIGNINGS = /** @type {const} */ (['hmac', 'ed25519']);
const QUEUES = /** @type {const} */ (['quorum', 'classic']);
const HOLDS = /** @type {const} */ (['away', 'slow']);
export const PEERS = /** @type {const} */ ([
  'textbook-none',
  'textbook-tx',
  'dbos',
  'dbos-effects',
  'restate',
  'restate-effects',
  'graphile',
  'pgboss',
  'prototype-none',
  'prototype-inbox',
  'prototype-batch',
]);

/** Name → what it takes, its meaning, its default as text. */
export const OPTIONS = {
  scenario: { takes: 'NAMES', says: `${SCENARIOS.join(', ')}, with commas between them; or all`, otherwise: 'throughput,latency' },
  participants: { takes: 'NAMES', says: `${PARTICIPANTS.join(', ')}; both is none,inbox`, otherwise: 'as the scenario likes' },
  queue: { takes: 'TYPE', says: QUEUES.join(', '), otherwise: 'quorum' },
  payload: { takes: 'BYTES', says: 'of the business payload, from 300', otherwise: '300' },
  parallel: { takes: 'N', says: 'so many parallel steps instead of three in sequence', otherwise: '' },
  count: { takes: 'N', says: 'sagas in a run of Backstep; slower systems get a part of it', otherwise: '10000' },
  repetitions: { takes: 'N', says: 'runs of each, interleaved', otherwise: '3' },
  rates: { takes: 'NUMBERS', says: 'latency: sagas a second', otherwise: '20,100,300,1000 (20 where latency was not asked for)' },
  finished: { takes: 'N', says: 'growth: finished sagas in the full tables', otherwise: '1000000' },
  backlog: { takes: 'N', says: 'backlog: sagas in flight', otherwise: '100000' },
  hold: { takes: 'HOW', says: 'backlog: whether participants are away or slow', otherwise: 'away' },
  minutes: { takes: 'N', says: 'backlog: how long it is held', otherwise: '10' },
  quiet: { takes: 'SECONDS', says: 'how long to wait for a quiet machine before each run', otherwise: '20' },
  limit: { takes: 'SECONDS', says: 'a run that takes longer is ended', otherwise: '600' },
  peers: { takes: '[DIR]', says: 'against other systems, from the folder of their runner', otherwise: '../shared/peers' },
  only: { takes: 'NAMES', says: `with --peers, of: ${PEERS.join(', ')}`, otherwise: 'all of them' },
  plots: { takes: 'FILES', says: 'make plots and the figures of bench/README.md from results; measures nothing', otherwise: '' },
  out: { takes: 'FILE', says: 'append every run as a line of JSON', otherwise: '' },
  alone: { takes: '', says: 'without the textbook', otherwise: '' },
  'no-latency': { takes: '', says: 'leaves out the latency that is measured when no scenario is named', otherwise: '' },
  json: { takes: '', says: 'end with one line of JSON; the rest goes to stderr', otherwise: '' },
  help: { takes: '', says: 'this', otherwise: '' },
};

/**
 * @typedef {object} Options
 * @property {readonly (typeof SCENARIOS)[number][]} scenarios
 * @property {readonly (typeof PARTICIPANTS)[number][] | undefined} participants undefined: as the scenario likes
 * @property {'quorum' | 'classic'} queue
 * @property {number} payload
 * @property {number | undefined} parallel
 * @property {number | undefined} count undefined: as the scenario likes
 * @property {number} repetitions
 * @property {readonly number[]} rates
 * @property {number} finished
 * @property {number} backlog
 * @property {'away' | 'slow'} hold
 * @property {number} minutes
 * @property {number} quiet
 * @property {number} limit
 * @property {string | undefined} peers the folder; '' for the usual one
 * @property {readonly (typeof PEERS)[number][]} only
 * @property {readonly string[]} plots
 * @property {string | undefined} out
 * @property {boolean} alone
 * @property {boolean} json
 * @property {boolean} help
 */

/** @param {readonly string[]} args @returns {{ options: Options, faults: readonly string[] }} */
export function readOptions(args) {
  /** @type {string[]} */
  const faults = [];
  const given = readArguments(args, faults);
  const isPeers = given.has('peers');
  const named = given.get('scenario');
  /** @type {readonly (typeof SCENARIOS)[number][]} */
  const unnamed = isPeers ? [] : given.has('no-latency') ? ['throughput'] : ['throughput', 'latency'];
  const read = {
    /** @param {string} name @param {number} otherwise @param {number} least @param {number} [most] */
    number: (name, otherwise, least, most = Number.MAX_SAFE_INTEGER) =>
      numberOf(given, name, otherwise, { least, most, whole: true }, faults),
    /**
     * @template {string} T @param {string} name @param {readonly T[]} allowed @param {T} otherwise
     * @returns {T}
     */
    one: (name, allowed, otherwise) => listOf(given, name, allowed, faults)?.[0] ?? otherwise,
  };
  const options = {
    scenarios: named === 'all' ? SCENARIOS : (listOf(given, 'scenario', SCENARIOS, faults, ['all']) ?? unnamed),
    participants:
      given.get('participants') === 'both'
        ? /** @type {const} */ (['none', 'inbox'])
        : listOf(given, 'participants', PARTICIPANTS, faults, ['both']),
    queue: read.one('queue', QUEUES, 'quorum'),
    payload: read.number('payload', 300, 300, 200_000),
    parallel: given.has('parallel') ? read.number('parallel', 3, 1, 100) : undefined,
    count: given.has('count') ? read.number('count', 10_000, 1) : undefined,
    repetitions: read.number('repetitions', 3, 1, 100),
    rates: ratesOf(given, named === undefined ? [20] : [20, 100, 300, 1_000], faults),
    finished: read.number('finished', 1_000_000, 1, 100_000_000),
    backlog: read.number('backlog', 100_000, 1, 10_000_000),
    hold: read.one('hold', HOLDS, 'away'),
    minutes: numberOf(given, 'minutes', 10, { least: 0.05, most: 600, whole: false }, faults),
    quiet: read.number('quiet', 20, 0, 600),
    limit: read.number('limit', 600, 10, 36_000),
    peers: given.get('peers'),
    only: listOf(given, 'only', PEERS, faults) ?? PEERS,
    plots: (given.get('plots') ?? '').split(',').filter((file) => file !== ''),
    out: given.get('out'),
    alone: given.has('alone'),
    json: given.has('json'),
    help: given.has('help'),
  };
  faults.push(...contradictions(given, options));
  return { options, faults };
}

/** @param {readonly string[]} args @param {string[]} faults @returns {Map<string, string>} */
function readArguments(args, faults) {
  const given = new Map();
  for (let at = 0; at < args.length; at++) {
    const text = args[at] ?? '';
    const [, name = '', inline] = /^--([^=]+)(?:=(.*))?$/s.exec(text) ?? [];
    if (!Object.hasOwn(OPTIONS, name)) {
      // What follows an unknown option may be its value.
      if (name !== '' && inline === undefined && args[at + 1]?.startsWith('--') === false) at++;
      faults.push(
        `there is no option ${text}; there are ${Object.keys(OPTIONS)
          .map((each) => `--${each}`)
          .join(' ')}`,
      );
      continue;
    }
    const { takes } = OPTIONS[/** @type {keyof typeof OPTIONS} */ (name)];
    if (given.has(name)) faults.push(`--${name} is given twice`);
    if (takes === '') {
      if (inline !== undefined) faults.push(`--${name} takes no value`);
      given.set(name, '');
      continue;
    }
    const isNext = inline === undefined && args[at + 1] !== undefined && !args[at + 1]?.startsWith('--');
    const value = inline ?? (isNext ? args[++at] : undefined);
    if ((value === undefined || value === '') && !takes.startsWith('[')) faults.push(`--${name} needs a value: ${takes}`);
    else given.set(name, value ?? '');
  }
  return given;
}

/**
 * @template {string} T
 * @param {Map<string, string>} given @param {string} name @param {readonly T[]} allowed @param {string[]} faults
 * @param {readonly string[]} [alone] words that stand alone instead
 * @returns {readonly T[] | undefined}
 */
function listOf(given, name, allowed, faults, alone = []) {
  const text = given.get(name);
  if (text === undefined) return undefined;
  const names = text.split(',').map((each) => each.trim());
  const unknown = names.filter((each) => !(/** @type {readonly string[]} */ (allowed).includes(each)));
  if (unknown.length > 0) faults.push(`--${name} is of ${[...allowed, ...alone].join(', ')}, not ${unknown.join(', ')}`);
  return [...new Set(/** @type {T[]} */ (names))];
}

/**
 * @param {Map<string, string>} given @param {string} name @param {number} otherwise
 * @param {{ least: number, most: number, whole: boolean }} allowed @param {string[]} faults
 */
function numberOf(given, name, otherwise, { least, most, whole }, faults) {
  const text = given.get(name);
  if (text === undefined) return otherwise;
  const value = /^[\d_.]+$/.test(text) ? Number(text.replaceAll('_', '')) : NaN;
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  const reach = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
  faults.push(`--${name} is a ${whole ? 'whole number' : 'number'} ${reach}, not ${text}`);
  return otherwise;
}

/** @param {Map<string, string>} given @param {readonly number[]} otherwise @param {string[]} faults @returns {readonly number[]} */
function ratesOf(given, otherwise, faults) {
  const text = given.get('rates');
  if (text === undefined) return otherwise;
  const rates = text.split(',').map(Number);
  if (rates.every((rate) => Number.isFinite(rate) && rate > 0 && rate <= 100_000)) return rates;
  faults.push(`--rates are numbers above 0 with commas between them, not ${text}`);
  return otherwise;
}

/** @param {Map<string, string>} given @param {Options} options */
function contradictions(given, options) {
  const faults = [];
  if (!given.has('peers') && given.has('only')) faults.push('--only chooses among the peers: it needs --peers');
  if (given.has('peers') && (options.parallel !== undefined || options.payload !== 300))
    faults.push('the peers have three steps in sequence and 300 bytes: --parallel and --payload cannot be compared with them');
  if (given.has('parallel') && given.has('scenario') && options.scenarios.includes('compensate'))
    faults.push('compensate is about three steps in sequence: it cannot be had with --parallel');
  return faults;
}

/** For people. */
export function helpText() {
  const lines = Object.entries(OPTIONS).map(([name, { takes, says, otherwise }]) => {
    const left = `  --${name}${takes === '' ? '' : ` ${takes}`}`;
    return `${left.padEnd(24)} ${says}${otherwise === '' ? '' : ` (${otherwise})`}`;
  });
  return ['npm run bench -- [options]; bench/README.md says more', ...lines].join('\n');
}
