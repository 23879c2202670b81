import { SagaError } from '../core/errors.js';
import type { Clock } from '../ports/clock.js';
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetters,
  KeptLetter,
  LetterDecree,
  LetterMark,
  LetterSummary,
} from '../ports/dead-letters.js';

/** Dead letters in this process: JSON text, as everything that a store in memory keeps. */
export class InMemoryDeadLetters implements DeadLetters {
  private readonly letters = new Map<string, string>();

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  async add(letters: readonly DeadLetter[]): Promise<void> {
    for (const letter of letters) {
      const known = this.read(letter.id);
      if (!known) this.write({ ...letter, status: 'waiting', replays: 0, replay: null, discard: null });
      else if (known.at !== letter.at) this.write({ ...known, at: letter.at, reason: letter.reason, status: 'waiting', discard: null });
    }
  }

  async page({ limit: wanted, cursor, ...filter }: DeadLetterFilter): Promise<DeadLetterPage> {
    const limit = Math.min(500, Math.max(1, Math.floor(wanted)));
    const before = cursor === undefined ? undefined : placeIn(cursor);
    const found = [...this.letters.values()]
      .map((text) => JSON.parse(text) as KeptLetter)
      .filter((letter) => fits(letter, filter) && (!before || compare(letter, before) > 0))
      .toSorted(compare);
    const page = found.slice(0, limit).map(({ body: _body, ...summary }): LetterSummary => summary);
    const last = page.at(-1);
    return { letters: page, ...(found.length > limit && last ? { cursor: cursorAt(last) } : {}) };
  }

  async find(id: string): Promise<KeptLetter | undefined> {
    return this.read(id);
  }

  async replayed(id: string, at: number, decree: LetterDecree): Promise<KeptLetter | undefined> {
    const letter = this.read(id);
    if (!letter) return undefined;
    const counted = { ...letter, replays: letter.replays + 1, replay: this.mark(decree) };
    return this.write(letter.at === at ? { ...counted, status: 'replayed', discard: null } : counted);
  }

  async discard(id: string, decree: LetterDecree): Promise<{ readonly letter: KeptLetter; readonly done: boolean } | undefined> {
    const letter = this.read(id);
    if (!letter) return undefined;
    if (letter.status !== 'waiting') return { letter, done: false };
    return { letter: this.write({ ...letter, status: 'discarded', discard: this.mark(decree) }), done: true };
  }

  async forget(keepMs: number, limit: number): Promise<number> {
    const before = this.clock.now() - keepMs;
    const old = [...this.letters.values()].map((text) => JSON.parse(text) as KeptLetter).filter((letter) => markedAt(letter) < before);
    for (const { id } of old.slice(0, limit)) this.letters.delete(id);
    return Math.min(old.length, limit);
  }

  private mark({ by, reason }: LetterDecree): LetterMark {
    return { by, reason, at: this.clock.now() };
  }

  private read(id: string): KeptLetter | undefined {
    const text = this.letters.get(id);
    return text === undefined ? undefined : (JSON.parse(text) as KeptLetter);
  }

  private write(letter: KeptLetter): KeptLetter {
    this.letters.set(letter.id, JSON.stringify(letter));
    return letter;
  }
}

type Place = Pick<DeadLetter, 'at' | 'id'>;
/** Newest first. */
const compare = (a: Place, b: Place): number => b.at - a.at || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);

function markedAt({ status, replay, discard }: KeptLetter): number {
  return (status === 'replayed' ? replay?.at : status === 'discarded' ? discard?.at : undefined) ?? Infinity;
}

function fits(letter: KeptLetter, { status, queue, reason }: Omit<DeadLetterFilter, 'limit' | 'cursor'>): boolean {
  if (status && !status.includes(letter.status)) return false;
  return (queue === undefined || letter.queue === queue) && (reason === undefined || letter.reason.includes(reason));
}

const cursorAt = ({ at, id }: Place): string => Buffer.from(`${at}:${id}`).toString('base64url');

function placeIn(cursor: string): Place {
  const [, at, id] = /^(\d{1,16}):(.+)$/s.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (at === undefined || id === undefined) throw new SagaError('SAGA_REQUEST_INVALID', 'the cursor is not one that a page gave');
  return { at: Number(at), id };
}
