// What is wanted, and whether it is met: each target is a ratio of two systems that ran turn by turn, or a figure of ours alone. Pure.
import { ratio, spread, isDisturbed } from './statistics.mjs';

/** @typedef {import('./statistics.mjs').Run} Run */
/** @typedef {import('./statistics.mjs').Spread} Spread */
/** @typedef {(run: Run) => number | undefined} Figure */
/** @typedef {{ scenario: string, system: string, variant?: string }} Who */

/**
 * @typedef {object} Target
 * @property {string} measure
 * @property {string} against
 * @property {'at least' | 'at most'} sense
 * @property {number} floor
 * @property {Who} ours names may end in `*`: whichever was measured
 * @property {Who} [theirs] absent: the figure itself counts
 * @property {Figure} pick
 * @property {string} [unit]
 * @property {Who} [bare] the prototype of ours from whose figures it was derived
 */
/** @typedef {Target & { value: Spread | undefined, verdict: 'met' | 'MISSED' | 'not measured' }} Judged */
/** @typedef {Target & { prototype: Spread | undefined, value: Spread | undefined, near: Spread | undefined }} Near */

/** @type {Figure} */
const speed = (run) => run.sagasPerSecond;
/** @type {Figure} */
const cpu = (run) => run.cpuSecondsPer1000;
/** @param {'p50' | 'p95' | 'p99'} name @returns {Figure} */
const latency = (name) => (run) => run.latencyMs?.[name];
/** @param {string} name @returns {Figure} */
const figure = (name) => (run) => run.figures?.[name];

/** @type {Record<string, string>} */
const MODES = {
  none: 'participants without database',
  inbox: 'inbox and effect row',
  batch: 'batches on the wire, with effects',
};

/**
 * @param {string} scenario @param {string} what @param {string} mode @param {Record<string, number>} floors by peer
 * @returns {Target[]}
 */
const faster = (scenario, what, mode, floors) =>
  Object.entries(floors).map(([peer, floor]) => ({
    measure: `${what}, ${MODES[mode]}`,
    against: peer,
    sense: 'at least',
    floor,
    ours: { scenario, system: `backstep-${mode}` },
    theirs: { scenario, system: peer },
    ...(peer.startsWith('textbook-') && { bare: { scenario, system: `prototype-${mode}` } }),
    pick: speed,
  }));
/** @param {string} mode @param {string} peer @param {number} floor @returns {Target} */
const cheaper = (mode, peer, floor) => ({
  measure: `CPU s/1,000, ${MODES[mode]}`,
  against: peer,
  sense: 'at most',
  floor,
  ours: { scenario: 'peers-throughput', system: `backstep-${mode}` },
  theirs: { scenario: 'peers-throughput', system: peer },
  pick: cpu,
});
/** @param {string} mode @param {string} queue @param {string} peer @param {number} floor @returns {Target[]} */
const quicker = (mode, queue, peer, floor) =>
  /** @type {const} */ (['p50', 'p95', 'p99']).map((part) => ({
    measure: `latency at 20/s ${part}, ${queue} queues`,
    against: peer,
    sense: 'at most',
    floor,
    ours: { scenario: 'peers-latency', system: `backstep-${mode}` },
    theirs: { scenario: 'peers-latency', system: peer },
    ...(part === 'p50' && { bare: { scenario: 'peers-latency', system: `prototype-${mode}` } }),
    pick: latency(part),
  }));
/** @param {string} finished @param {string} shown @param {number} floor @returns {Target} */
const keeps = (finished, shown, floor) => ({
  measure: `throughput with ${shown} finished sagas`,
  against: 'empty tables',
  sense: 'at least',
  floor,
  ours: { scenario: 'growth', system: 'backstep-*', variant: `${finished} finished` },
  theirs: { scenario: 'growth', system: 'backstep-*', variant: 'empty' },
  pick: speed,
});
/** @param {Pick<Target, 'measure' | 'sense' | 'floor' | 'ours' | 'pick' | 'unit'>} target @returns {Target} */
const alone = (target) => ({ against: '', ...target });

/** The targets of the project, in the order in which they are told. */
export const TARGETS = /** @type {readonly Target[]} */ ([
  ...faster('peers-throughput', 'completed sagas/s', 'none', { 'textbook-none': 5, restate: 2.6, dbos: 7, pgboss: 1.6 }),
  ...faster('peers-throughput', 'completed sagas/s', 'inbox', { 'textbook-tx': 4, 'restate-effects': 1.9, 'dbos-effects': 5 }),
  ...faster('peers-throughput', 'completed sagas/s', 'batch', { 'textbook-tx': 13, 'restate-effects': 6, 'dbos-effects': 17 }),
  ...faster('peers-compensate', 'compensated sagas/s', 'none', { 'textbook-none': 4.5, restate: 1.7 }),
  ...faster('peers-compensate', 'compensated sagas/s', 'inbox', { 'textbook-tx': 3 }),
  ...faster('peers-compensate', 'compensated sagas/s', 'batch', { 'textbook-tx': 14, 'restate-effects': 3.2 }),
  cheaper('none', 'restate', 0.45),
  cheaper('batch', 'restate-effects', 0.16),
  ...quicker('none-classic', 'classic', 'dbos', 1.2),
  ...quicker('none', 'quorum', 'restate', 1.4),
  ...[
    { mode: 'batch', floor: 150 },
    { mode: 'none', floor: 250 },
  ].map(({ mode, floor }) =>
    alone({
      measure: `p99 at 1,000/s, ${mode === 'none' ? 'one command per message' : MODES[mode]}`,
      sense: 'at most',
      floor,
      unit: 'ms',
      ours: { scenario: 'latency', system: `backstep-${mode}`, variant: '1000/s' },
      pick: latency('p99'),
    }),
  ),
  keeps('1000000', '1 M', 0.92),
  keeps('10000000', '10 M', 0.85),
  {
    measure: 'throughput of four daemons',
    against: 'one daemon',
    sense: 'at least',
    floor: 0.85,
    ours: { scenario: 'daemons', system: 'backstep-*', variant: '4 daemons' },
    theirs: { scenario: 'daemons', system: 'backstep-*', variant: '1 daemon' },
    pick: speed,
  },
  ...[
    { measure: 'daemon memory with the backlog', floor: 250, unit: 'MB', pick: figure('daemonMb') },
    { measure: 'daemon memory at the end of the hold, to its beginning', floor: 1.05, pick: figure('daemonGrowth') },
    { measure: 'sweep of timers with the backlog', floor: 0.05, unit: 'cores', pick: figure('sweepCores') },
  ].map((each) => alone({ sense: 'at most', ours: { scenario: 'backlog', system: 'backstep-*', variant: '100000 *' }, ...each })),
  ...[
    { via: 'http', measure: 'POST /sagas, first command sent', floor: 1_500 },
    { via: 'ndjson', measure: 'NDJSON starts, first command sent', floor: 4_000 },
  ].map(({ via, ...each }) =>
    alone({ sense: 'at least', unit: '/s', ours: { scenario: 'start', system: 'backstep-*', variant: via }, pick: speed, ...each }),
  ),
]);

/** @param {readonly Run[]} runs @param {readonly Target[]} [targets] @returns {Judged[]} */
export function judge(runs, targets = TARGETS) {
  return targets.map((target) => {
    const value = valueOf(runs, target);
    return { ...target, value, verdict: value === undefined ? 'not measured' : isMet(target, value.median) ? 'met' : 'MISSED' };
  });
}
/** @param {Target} target @param {number} value */
const isMet = ({ sense, floor }, value) => (sense === 'at least' ? value >= floor : value <= floor);

/**
 * What of the targets the bare design reaches, and what ours reaches of that: `prototype` and `value` are compared with the same system.
 * `near` is ours to the prototype, or the other way round where less is better, so that 1 is always the prototype.
 * @param {readonly Run[]} runs @param {readonly Target[]} [targets] @returns {Near[]} those for which the prototype was measured
 */
export function nearness(runs, targets = TARGETS) {
  return targets.flatMap((target) => {
    const { ours, bare, sense, pick } = target;
    if (!bare || find(runs, bare).length === 0) return [];
    const [above, below] = sense === 'at least' ? [ours, bare] : [bare, ours];
    return [
      {
        ...target,
        prototype: valueOf(runs, { ...target, ours: bare }),
        value: valueOf(runs, target),
        near: ratio(find(runs, above), find(runs, below), pick),
      },
    ];
  });
}

/** @param {readonly Run[]} runs @param {Target} target @returns {Spread | undefined} */
function valueOf(runs, { ours, theirs, pick }) {
  const own = find(runs, ours);
  const first = own[0];
  if (first === undefined) return undefined;
  // Which of several modes was measured is the same question on both sides.
  if (theirs) return ratio(own, find(runs, theirs.system.endsWith('*') ? { ...theirs, system: first.system } : theirs), pick);
  const clean = own.filter((run) => !isDisturbed(run));
  const values = (clean.length > 0 ? clean : own).map(pick).filter((value) => value !== undefined);
  return values.length > 0 ? spread(values) : undefined;
}
/** @param {readonly Run[]} runs @param {Who} who @returns {Run[]} */
function find(runs, { scenario, system, variant }) {
  const matching = runs.filter(
    (run) => run.scenario === scenario && (variant === undefined || isNamed(run.variant, variant)) && isNamed(run.system, system),
  );
  return matching.filter((run) => run.system === matching[0]?.system);
}
/** @param {string} name @param {string} wanted */
const isNamed = (name, wanted) => (wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted);
