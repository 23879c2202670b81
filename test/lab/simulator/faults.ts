import type { Chance } from '../kit/chance.js';
import { PORTS, type Moment, type Port } from './life.js';
import type { InboxFate } from './simulated-inbox.js';
import type { CommitFate } from './simulated-store.js';

/** Messages of which kind. */
export type Traffic = 'commands' | 'replies' | 'starts';

/** Something that goes wrong. Instants and lengths in milliseconds of virtual time. */
export type Fault = { readonly id: number; readonly at: number } & (
  | {
      readonly kind: 'strike';
      readonly machine: string;
      readonly what: 'crash' | 'pause';
      readonly port: Port;
      readonly moment: Moment;
      readonly ms: number;
      readonly again: number;
    }
  | { readonly kind: 'crash'; readonly machine: string; readonly ms: number }
  | { readonly kind: 'pause'; readonly machine: string; readonly ms: number }
  | { readonly kind: 'cut-broker'; readonly machine: string; readonly ms: number }
  | { readonly kind: 'cut-database'; readonly machine: string; readonly ms: number }
  | { readonly kind: 'break-database'; readonly machine: string }
  | { readonly kind: 'commit'; readonly machine: string; readonly fate: CommitFate; readonly times: number }
  | { readonly kind: 'inbox'; readonly machine: string; readonly fate: InboxFate; readonly times: number }
  | { readonly kind: 'message'; readonly traffic: Traffic; readonly mishap: Mishap; readonly times: number; readonly ms: number }
  | { readonly kind: 'broker-restart'; readonly ms: number }
  | { readonly kind: 'broker-alarm'; readonly ms: number }
  | { readonly kind: 'broker-wipe' }
  | { readonly kind: 'queue-delete' | 'queue-purge'; readonly queue: number }
  | { readonly kind: 'exchange-delete' }
  | { readonly kind: 'database-down'; readonly which: number; readonly ms: number }
  | { readonly kind: 'wall-clock'; readonly machine: string; readonly ms: number }
  | { readonly kind: 'database-clock'; readonly ms: number }
  | { readonly kind: 'rubbish'; readonly form: number }
  | { readonly kind: 'stray'; readonly which: number }
);
/** `lost-confirm`: it arrives. `nack`: it does not; in both cases nobody knows. `returned`: as if there were no queue for now. */
export type Mishap = 'lost-confirm' | 'nack' | 'returned' | 'duplicate' | 'delay' | 'overtake';
type Body<F = Fault> = F extends Fault ? Omit<F, 'id' | 'at'> : never;

/** Everything that was made to go wrong is well again so long after the last fault began. */
export const LONGEST_MS = 60_000;

export interface Targets {
  readonly orchestrators: readonly string[];
  readonly hosts: readonly string[];
  /** All machines. */
  readonly all: readonly string[];
}

/** The faults of a case, in the order of their instants. */
export function drawFaults(chance: Chance, targets: Targets, spreadMs: number): Fault[] {
  const faults: Fault[] = [];
  const count = chance.is(0.1) ? 0 : chance.between(4, 30);
  const add = (at: number, body: Body) => void faults.push({ id: 0, at: Math.floor(at), ...body } as Fault);
  while (faults.length < count) {
    const at = chance.next() * spreadMs;
    // Swizzle: one link after the other is cut, and they come back in another order.
    if (chance.is(0.03)) {
      const ups = chance.shuffled(targets.all);
      targets.all.forEach((machine, index) => {
        const begins = at + index * 700;
        add(begins, { kind: 'cut-broker', machine, ms: 8_000 + ups.indexOf(machine) * 900 - index * 700 });
      });
    } else add(at, drawOne(chance, targets));
  }
  return faults.toSorted((a, b) => a.at - b.at).map((fault, index) => ({ ...fault, id: index + 1 }));
}

function drawOne(chance: Chance, { orchestrators, hosts, all }: Targets): Body {
  const machine = chance.pick(all);
  const shortly = () => (chance.is(0.7) ? chance.between(50, 3_000) : chance.between(3_000, 40_000));
  return chance.pick<() => Body>([
    () => drawStrike(chance, orchestrators, hosts),
    () => drawStrike(chance, orchestrators, hosts),
    () => drawStrike(chance, orchestrators, hosts),
    () => drawStrike(chance, orchestrators, hosts),
    () => ({ kind: 'crash', machine, ms: shortly() }),
    () => ({ kind: 'pause', machine, ms: shortly() }),
    () => ({ kind: 'cut-broker', machine, ms: shortly() }),
    () => ({ kind: 'cut-database', machine, ms: shortly() }),
    () => ({ kind: 'break-database', machine }),
    () => drawCommit(chance, orchestrators),
    () => drawCommit(chance, orchestrators),
    () => drawInbox(chance, hosts),
    () => drawInbox(chance, hosts),
    ...Array.from({ length: 6 }, () => () => drawMessage(chance)),
    () => drawBroker(chance),
    () => drawBroker(chance),
    () => ({ kind: 'database-down', which: chance.between(0, 2), ms: shortly() }),
    () => ({ kind: 'wall-clock', machine, ms: chance.pick([-1, 1]) * chance.pick([5_000, 3_600_000, 86_400_000]) }),
    () => ({ kind: 'database-clock', ms: chance.pick([-500, -10_000, -600_000, 1_500, 60_000, 3_600_000]) }),
    () => ({ kind: 'rubbish', form: chance.between(0, 7) }),
    () => ({ kind: 'stray', which: chance.between(0, 1_000) }),
  ])();
}

function drawStrike(chance: Chance, orchestrators: readonly string[], hosts: readonly string[]): Body {
  const port = chance.pick(PORTS);
  const own = port.startsWith('store')
    ? orchestrators
    : port.startsWith('inbox') || port === 'handler'
      ? hosts
      : [...orchestrators, ...hosts];
  const moments: readonly Moment[] =
    port === 'store.commit' || port === 'store.sweep' || port === 'broker.publish' ? ['before', 'middle', 'after'] : ['before', 'after'];
  return {
    kind: 'strike',
    machine: chance.pick(own),
    what: chance.is(0.7) ? 'crash' : 'pause',
    port,
    moment: chance.pick(moments),
    ms: chance.is(0.7) ? chance.between(20, 2_000) : chance.between(2_000, 45_000),
    again: chance.is(0.2) ? chance.between(1, 3) : 0,
  };
}
function drawCommit(chance: Chance, orchestrators: readonly string[]): Body {
  const fate = chance.pick<CommitFate>(['failed', 'unknown-committed', 'unknown-undone']);
  return { kind: 'commit', machine: chance.pick(orchestrators), fate, times: chance.between(1, 3) };
}
function drawInbox(chance: Chance, hosts: readonly string[]): Body {
  const fate = chance.pick<InboxFate>(['conflict', 'locked', 'unavailable', 'unknown-committed', 'unknown-undone']);
  return { kind: 'inbox', machine: chance.pick(hosts), fate, times: chance.between(1, 4) };
}
function drawMessage(chance: Chance): Body {
  const mishap = chance.pick<Mishap>(['lost-confirm', 'nack', 'returned', 'duplicate', 'duplicate', 'delay', 'overtake']);
  const ms = chance.is(0.7) ? chance.between(5, 5_000) : chance.is(0.8) ? chance.between(5_000, 60_000) : chance.between(60_000, 600_000);
  return {
    kind: 'message',
    traffic: chance.pick<Traffic>(['commands', 'commands', 'replies', 'replies', 'starts']),
    mishap,
    times: chance.between(1, 5),
    ms,
  };
}
function drawBroker(chance: Chance): Body {
  return chance.pick<() => Body>([
    () => ({ kind: 'broker-restart', ms: chance.between(100, 15_000) }),
    () => ({ kind: 'broker-alarm', ms: chance.between(100, 20_000) }),
    () => ({ kind: 'broker-wipe' }),
    () => ({ kind: 'queue-delete', queue: chance.between(0, 10) }),
    () => ({ kind: 'queue-purge', queue: chance.between(0, 10) }),
    () => ({ kind: 'exchange-delete' }),
  ])();
}
