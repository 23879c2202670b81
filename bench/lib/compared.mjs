// Who is compared with whom: the systems of the peers' runner, and what of theirs and of ours runs in one turn. Pure.

/** @typedef {(typeof import('./options.mjs').PEERS)[number]} PeerName */
/**
 * System and options of the peers' runner.
 * @typedef {object} Peer
 * @property {string} system
 * @property {readonly string[]} with
 * @property {number} share of Backstep's sagas, so that runs take about as long
 */

/** @type {Record<PeerName | 'prototype-none-classic', Peer>} */
export const PEERS = {
  'textbook-none': { system: 'textbook', with: ['--participants=none'], share: 0.25 },
  'textbook-tx': { system: 'textbook', with: ['--participants=tx'], share: 0.25 },
  dbos: { system: 'dbos', with: ['--window=400'], share: 0.25 },
  'dbos-effects': { system: 'dbos', with: ['--window=400', '--handler=db'], share: 0.25 },
  restate: { system: 'restate', with: ['--partitions=2', '--window=800'], share: 0.5 },
  'restate-effects': { system: 'restate', with: ['--partitions=2', '--window=800', '--handler=db'], share: 0.5 },
  graphile: { system: 'graphile', with: ['--concurrency=50'], share: 0.25 },
  pgboss: { system: 'pgboss', with: ['--batch=500'], share: 1 },
  // Backstep's own design, and nothing else: without history, timers, retries and validation.
  'prototype-none': { system: 'batch', with: ['--participants=none', '--qtype=quorum'], share: 1 },
  'prototype-none-classic': { system: 'batch', with: ['--participants=none', '--qtype=classic'], share: 1 },
  'prototype-inbox': { system: 'batch', with: ['--participants=group', '--qtype=quorum'], share: 1 },
  'prototype-batch': { system: 'envelope', with: [], share: 1.5 },
};
/**
 * Ours, where it is not all of them: as many with batches as the prototype has.
 * @type {Readonly<Record<string, number>>}
 */
export const SHARES = { batch: PEERS['prototype-batch'].share };
/** With as many sagas in flight as the system holds; `theirs` is what the peers' runner calls it. */
export const COMPARED = [
  {
    scenario: 'peers-throughput',
    theirs: 'throughput',
    ours: 'throughput',
    participants: ['none', 'inbox', 'batch'],
    peers: peers(Object.keys(PEERS)).filter((name) => name !== 'prototype-none-classic'),
  },
  {
    scenario: 'peers-compensate',
    theirs: 'fail',
    ours: 'compensate',
    participants: ['none', 'inbox', 'batch'],
    peers: peers(['textbook-none', 'textbook-tx', 'restate', 'restate-effects', 'prototype-none', 'prototype-inbox', 'prototype-batch']),
  },
];
/** At a low rate; ours has no database at its participants, and both types of queues. */
export const PACED = {
  scenario: 'peers-latency',
  peers: peers(['textbook-none', 'dbos', 'restate', 'graphile', 'pgboss', 'prototype-none-classic', 'prototype-none']),
};

/**
 * Those that `--only` chooses: a system with both types of queues has one name there.
 * @param {readonly (keyof typeof PEERS)[]} names @param {readonly string[]} only
 */
export const chosen = (names, only) => names.filter((name) => only.includes(name.replace(/-classic$/, '')));

/**
 * The runs of a turn in their order: ours in the midst of those that it is compared with, since a machine may be a slower one five minutes
 * later; every second turn backwards.
 * @template {string} P @template {string} K
 * @param {readonly P[]} names @param {readonly K[]} participants @param {number} turn counted from 1
 * @returns {readonly ({ peer: P } | { ours: K })[]}
 */
export function orderOf(names, participants, turn) {
  const order = [false, true].flatMap((hasDatabase) => {
    const theirs = names.filter((name) => /-(tx|effects|inbox|batch)$/.test(name) === hasDatabase).map((peer) => ({ peer }));
    const ours = participants.filter((each) => (each !== 'none') === hasDatabase).map((each) => ({ ours: each }));
    return theirs.toSpliced(Math.ceil(theirs.length / 2), 0, .../** @type {any[]} */ (ours));
  });
  return turn % 2 === 0 ? order.toReversed() : order;
}

/** What the peers' runner makes, and makes anew itself. */
export const DATABASES = [...new Set(Object.values(PEERS).map(({ system }) => `perf_${system}`))];
export const QUEUES = ['cmd.order', 'cmd.stock', 'cmd.card', 'replies'];

/** @param {readonly string[]} names */
function peers(names) {
  return /** @type {readonly (keyof typeof PEERS)[]} */ (names);
}
