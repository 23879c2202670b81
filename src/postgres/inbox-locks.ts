import type { ExclusiveResult } from '../ports/inbox.js';
import { inTime } from './inbox-answer.js';
import type { InboxConnection, SqlResult } from './inbox-connections.js';

/** Locks by name; see `InboxStore.exclusively`. */
export interface NamedLocks {
  hold<R>(name: string, waitMs: number, work: (lost: AbortSignal) => Promise<R>): Promise<ExclusiveResult<R>>;
  close(): Promise<void>;
}

/** Within this process: who comes second waits for the first. */
export class ProcessLocks implements NamedLocks {
  private readonly tails = new Map<string, Promise<void>>();

  async hold<R>(name: string, waitMs: number, work: (lost: AbortSignal) => Promise<R>): Promise<ExclusiveResult<R>> {
    const before = this.tails.get(name);
    let leave: () => void = () => undefined;
    const left = new Promise<void>((resolve) => (leave = resolve));
    const tail = before ? before.then(() => left) : left;
    this.tails.set(name, tail);
    try {
      if (before && !(await within(before, waitMs))) return { fate: 'busy' };
      return { fate: 'done', value: await work(neverLost()) };
    } finally {
      leave();
      // Not at once: who gave up waiting leaves before the one it waited for.
      void tail.then(() => this.tails.get(name) === tail && this.tails.delete(name));
    }
  }

  async close(): Promise<void> {}
}

/** One for each: one for all would have too many listeners. */
const neverLost = () => new AbortController().signal;
const LOST = new Error('the database session that held the lock is gone');
const FIRST_POLL_MS = 10;
const LONGEST_POLL_MS = 250;

/**
 * Advisory locks of the database, all of them on one session.
 * Owns: that session's connection, which it takes when the first lock is asked for and gives back after the last. Does not own: the pool.
 * Invariant: a name is asked for by one holder at a time within the process, since a session's own lock does not keep itself out.
 */
export class DatabaseLocks implements NamedLocks {
  private readonly inProcess = new ProcessLocks();
  private session: Promise<LockSession> | undefined;
  private users = 0;

  constructor(
    private readonly connect: () => Promise<InboxConnection<unknown>>,
    private readonly prefix: string,
    /** Milliseconds that the database may take to answer. */
    private readonly answerMs: number,
  ) {}

  async hold<R>(name: string, waitMs: number, work: (lost: AbortSignal) => Promise<R>): Promise<ExclusiveResult<R>> {
    const until = performance.now() + waitMs;
    const result = await this.inProcess.hold(name, waitMs, () => this.holdInDatabase(name, until, work));
    return result.fate === 'done' ? result.value : result;
  }

  async close(): Promise<void> {
    const session = this.session;
    this.session = undefined;
    if (session) await (await session.catch(() => undefined))?.end();
  }

  private async holdInDatabase<R>(name: string, until: number, work: (lost: AbortSignal) => Promise<R>): Promise<ExclusiveResult<R>> {
    let session: LockSession;
    this.users++;
    try {
      try {
        session = await this.open();
        if (!(await session.lock(`${this.prefix} ${name}`, until))) return { fate: 'busy' };
      } catch (error: unknown) {
        return { fate: 'unavailable', error };
      }
      try {
        return { fate: 'done', value: await work(session.holder(name)) };
      } finally {
        await session.unlock(`${this.prefix} ${name}`);
        session.forget(name);
      }
    } finally {
      this.users--;
      if (this.users === 0) await this.close();
    }
  }

  private async open(): Promise<LockSession> {
    const opened = (this.session ??= this.connect().then((connection) => new LockSession(connection, this.answerMs)));
    try {
      const session = await opened;
      if (!session.isLost) return session;
      await session.end();
    } catch (error: unknown) {
      if (this.session === opened) this.session = undefined;
      throw error;
    }
    if (this.session === opened) this.session = undefined;
    return this.open();
  }
}

/** One session of the database that holds locks; every holder is told when it has gone, and the locks with it. */
class LockSession {
  private readonly holders = new Map<string, AbortController>();
  private questions: Promise<unknown> = Promise.resolve();
  private isEnded = false;
  isLost = false;

  constructor(
    private readonly connection: InboxConnection<unknown>,
    private readonly answerMs: number,
  ) {
    connection.client.on('error', this.onError);
  }

  async lock(name: string, until: number): Promise<boolean> {
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)) {
      // Asking, not waiting: the session holds other locks, whose holders must be able to let go of them.
      const { rows } = await this.ask(`select pg_try_advisory_lock(hashtextextended($1, 0)) as got`, name);
      if ((rows[0] as { got: boolean }).got) return true;
      if (performance.now() + pollMs > until) return false;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  /** A signal for each: one for all would have too many listeners. */
  holder(name: string): AbortSignal {
    const holder = new AbortController();
    if (this.isLost) holder.abort(LOST);
    this.holders.set(name, holder);
    return holder.signal;
  }

  forget(name: string): void {
    this.holders.delete(name);
  }

  async unlock(name: string): Promise<void> {
    if (this.isLost) return;
    await this.ask(`select pg_advisory_unlock(hashtextextended($1, 0))`, name).catch(() => undefined);
  }

  async end(): Promise<void> {
    if (this.isEnded) return;
    this.isEnded = true;
    this.connection.client.removeListener('error', this.onError);
    await this.connection.release(this.isLost);
  }

  /** One question after the other. */
  private ask(text: string, name: string): Promise<SqlResult> {
    const answer = this.questions.then(() => inTime(this.answerMs, this.connection.client.query(text, [name])));
    this.questions = answer.catch(() => this.onError());
    return answer;
  }

  private readonly onError = (): void => {
    this.isLost = true;
    for (const holder of this.holders.values()) holder.abort(LOST);
  };
}

async function within(done: Promise<void>, waitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), waitMs)));
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
