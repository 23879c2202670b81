import type { Registry } from 'prom-client';
import { SIGNATURE_FAULTS, type SignatureFault } from '../ports/signing.js';
import { OTHER } from './labels.js';
import { Counter, type Count } from './series.js';

/** Reasons as they begin, and the class each is of; the rest of a reason quotes the message, so it is no label. */
const CLASSES: readonly (readonly [string, RegExp])[] = [
  ['unknown-saga', /^unknown saga$/],
  ['unknown-step', /^unknown step '/],
  ['not-loaded', /^too many replies wait for a daemon /],
  ['not-handled', /^nothing here handles /],
  ['returned-too-often', /^it went back to its queue /],
  ['failed-inside', /^failed inside: /],
  ['not-storable', /^cannot be stored: /],
];

const [REFUSED_START, UNREADABLE, UNTRUSTED] = ['refused-start', 'unreadable', 'untrusted'] as const;
/** All that there are. */
export const CLASS_NAMES: readonly string[] = [...CLASSES.map(([name]) => name), REFUSED_START, UNREADABLE, UNTRUSTED];

/** The class of a reason; there are few. `isStart`: what is none of them was a start that is refused, else a message that nobody can read. */
function reasonClass(reason: string, isStart: boolean): string {
  const known = CLASSES.find(([, pattern]) => pattern.test(reason));
  return known?.[0] ?? (isStart ? REFUSED_START : UNREADABLE);
}

/** Counts what was put aside. Queues that nobody announced are counted together. */
export class DeadLetterSeries {
  private readonly counter: Counter;
  private readonly refused: ReadonlyMap<SignatureFault, Count>;
  private readonly queues = new Map<string, { readonly isStart: boolean }>();

  constructor(registry: Registry) {
    this.counter = new Counter(registry, {
      name: 'backstep_dead_letters_total',
      help: 'Messages that this process put aside, by the queue they came from and a class of reasons.',
      labels: ['queue', 'reason'],
    });
    const refused = new Counter(registry, {
      name: 'backstep_signatures_refused_total',
      help: 'Messages that this process put aside since they are not trusted: unsigned, unknown-key, revoked-key, misattributed, mismatch or broken-seal.',
      labels: ['reason'],
    });
    // All of them from the beginning: the first one is then an increase.
    this.refused = new Map(SIGNATURE_FAULTS.map((fault) => [fault, refused.of(fault)]));
  }

  /** Queues that get a label of their own. `isStart`: starts come through them. */
  announce(queues: readonly string[], isStart = false): void {
    for (const queue of queues) this.queues.set(queue, { isStart });
  }

  /** `fault`: why it was not trusted, if that is so. */
  add({ queue, reason, fault }: { readonly queue: string; readonly reason: string; readonly fault?: SignatureFault | undefined }): void {
    const known = this.queues.get(queue);
    this.counter.of(known ? queue : OTHER, fault ? UNTRUSTED : reasonClass(reason, known?.isStart ?? false)).add();
    if (fault) this.refused.get(fault)?.add();
  }
}
