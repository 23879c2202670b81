import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openSagas } from '../../../src/main/sagas.js';
import type { InstallationOptions } from '../kit/installation.js';
import { mixedStarts } from '../kit/starts.js';
import { WORKLOADS, type WorkloadName } from '../kit/workloads/all.js';
import type { Start } from '../kit/workloads/workload.js';

/** What a run is about: the laboratory's own workloads, or somebody's sagas. */
export interface Subject {
  readonly title: string;
  readonly installation: Pick<InstallationOptions, 'workloads' | 'sagas' | 'participants' | 'hosts'>;
  /** A saga that exists. */
  readonly saga: string;
  starts(seed: number): Iterable<Start>;
  /** SQL that gives one row with `effects`: a number that grows as the participants get on. */
  progress(namespace: string): string;
  /** Whether each participant keeps a ledger as the laboratory's do: without them less can be checked. */
  readonly hasLedgers: boolean;
  /** Looks into the participants' own tables, where somebody has said how. */
  readonly proof?: Proof;
}

/** Asks a participant's own schema. */
export type Ask = (participant: string, sql: string) => Promise<readonly Record<string, unknown>[]>;
/** What a folder's `proof.js` exports, as in `sagas/place-order/proof.ts`. */
export interface Proof {
  readEvidence(ask: Ask): Promise<unknown>;
  prove(ends: readonly Readonly<Record<string, unknown>>[], evidence: unknown): readonly { readonly text: string }[];
}

const LAB: readonly WorkloadName[] = ['bank', 'order', 'random', 'slow'];
const WEIGHTS = { bank: 4, order: 3, random: 3, slow: 1 } as const;

/** Bank, orders, random and slow sagas. Two processes share the participants between them, a third one hosts all of them once more. */
export function labSagas(): Subject {
  const participants = LAB.flatMap((name) => [...WORKLOADS[name].participants]);
  const half = participants.filter((_, n) => n % 2 === 0);
  return {
    title: 'bank, order, random and slow sagas',
    installation: { workloads: LAB, hosts: [half, participants.filter((one) => !half.includes(one)), []] },
    saga: 'bank-transfer',
    starts: (seed) => mixedStarts(seed, LAB, { weights: WEIGHTS, factor: 0.03 }),
    progress: () => 'select last_value as effects from lab.ledger_seq',
    hasLedgers: true,
  };
}

/** Somebody's saga folder. Throws with a sentence for people where it cannot be used. */
export async function ownSagas(own: { readonly sagas: string; readonly start: string; readonly inputs: string }): Promise<Subject> {
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const { plans, participants } = await openSagas([own.sagas], silent);
  if (!plans.some(({ name }) => name === own.start))
    throw new Error(`--start ${own.start}: ${own.sagas} has ${plans.map(({ name }) => name).join(', ') || 'no sagas'}`);
  const names = participants().map(({ participant }) => participant);
  if (names.length === 0) throw new Error(`--sagas ${own.sagas}: it exports no participants, so nobody would answer`);
  const inputs = readFileSync(own.inputs, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line, n) => {
      try {
        return JSON.parse(line) as unknown;
      } catch {
        throw new Error(`--inputs ${own.inputs}:${n + 1} is not JSON`);
      }
    });
  const file = resolve(own.sagas, 'proof.js');
  const proof = existsSync(file) ? ((await import(pathToFileURL(file).href)) as Proof) : undefined;
  const groups = [0, 1, 2].map((part) => names.filter((_, n) => n % 3 === part)).filter((group) => group.length > 0);
  return {
    title: `${own.start} of ${join(own.sagas)}, ${inputs.length} inputs`,
    installation: { workloads: [], sagas: [resolve(own.sagas)], participants: names, hosts: groups },
    saga: own.start,
    starts: () => inputs.map((input) => ({ saga: own.start, input })),
    progress: (namespace) =>
      `select (select count(*) from "${namespace}".saga where ended_at is not null) + (select count(*) from "${namespace}".finished_saga) as effects`,
    hasLedgers: false,
    ...(proof && { proof }),
  };
}
