import { InMemoryInbox, type MemoryTransaction } from '../../../src/memory/in-memory-inbox.js';
import type {
  Claim,
  ExclusiveResult,
  InboxClaim,
  InboxFailure,
  InboxKey,
  InboxRecord,
  InboxRow,
  InboxResult,
  InboxSession,
  InboxStore,
  InboxWrite,
} from '../../../src/ports/inbox.js';
import type { Chance } from '../kit/chance.js';
import { Connection, ConnectionLost, type Server } from './connection.js';
import type { DatabaseClock } from './database-clock.js';
import type { Life } from './life.js';

/** How the next commit of a machine ends. */
export type InboxFate = Exclude<InboxFailure, 'refused'> | 'unknown-committed' | 'unknown-undone';

/** A participant's own database. */
export class InboxDatabase implements Server {
  readonly inner: InMemoryInbox;
  isUp = true;
  /** By machine. */
  readonly commitFates = new Map<string, InboxFate[]>();
  onClaimed: (asked: readonly InboxClaim[], claims: readonly Claim[]) => void = () => undefined;
  onStored: (rows: readonly InboxWrite[]) => void = () => undefined;
  onCounted: (what: string) => void = () => undefined;

  constructor(
    readonly clock: DatabaseClock,
    readonly chance: Chance,
    lockTimeoutMs?: number,
  ) {
    this.inner = new InMemoryInbox(clock, lockTimeoutMs);
  }
}

/** The commit was asked for, and nobody knows. */
class CommitLost extends Error {}
/** What the server said instead of committing. */
class CommitFailed extends Error {
  constructor(readonly why: InboxFailure) {
    super(`the commit failed: ${why}`);
  }
}

/** The inbox as one process has it: over a link that may break, with row locks held as long as its transaction is open. */
export class SimulatedInbox implements InboxStore<MemoryTransaction> {
  constructor(
    private readonly database: InboxDatabase,
    private readonly life: Life,
  ) {}

  transact<R>(work: (session: InboxSession<MemoryTransaction>) => Promise<R>): Promise<InboxResult<R>> {
    return new Promise((resolve) => {
      void this.run(work).then((result) => this.life.enter(() => resolve(result)));
    });
  }

  exclusively<R>(name: string, waitMs: number, work: (lost: AbortSignal) => Promise<R>): Promise<ExclusiveResult<R>> {
    return new Promise((resolve, reject) => {
      this.hold(name, waitMs, work).then(
        (result) => this.life.enter(() => resolve(result)),
        (error: unknown) => this.life.enter(() => reject(error as Error)),
      );
    });
  }

  prune(lastUsedBefore: number): Promise<number> {
    return this.other(() => this.database.inner.prune(lastUsedBefore));
  }
  migrate(): Promise<void> {
    return this.other(() => this.database.inner.migrate());
  }
  now(): Promise<number> {
    return this.other(() => this.database.inner.now());
  }
  async close(): Promise<void> {}

  private other<T>(act: () => Promise<T>): Promise<T> {
    return this.life.port('inbox.begin', async () => {
      const connection = new Connection(this.database, this.life);
      try {
        await connection.hop();
        const result = await act();
        await connection.hop();
        return result;
      } finally {
        connection.close();
      }
    });
  }

  private async run<R>(work: (session: InboxSession<MemoryTransaction>) => Promise<R>): Promise<InboxResult<R>> {
    const connection = new Connection(this.database, this.life);
    try {
      return await this.within(connection, work);
    } catch (error: unknown) {
      return { fate: 'failed', why: 'unavailable', error };
    } finally {
      connection.close();
    }
  }

  private async within<R>(connection: Connection, work: (session: InboxSession<MemoryTransaction>) => Promise<R>): Promise<InboxResult<R>> {
    const { life, database } = this;
    // Of a process that dies here nothing comes back.
    await life.port('inbox.begin', () => connection.hop());
    let isCommittedInSilence = false;
    const result = await database.inner.transact(async (session) => {
      const seen = new SimulatedSession(session, connection, life, database);
      const value = await Promise.race([work(seen), connection.broken]);
      isCommittedInSilence = await this.commit(connection);
      return value;
    });
    if (result.fate === 'committed') return this.committed(connection, result, isCommittedInSilence);
    const { error } = result;
    if (error instanceof CommitLost) return { fate: 'unknown', error };
    if (error instanceof CommitFailed) return { fate: 'failed', why: error.why, error };
    if (connection.isBroken) return { fate: 'failed', why: 'unavailable', error: new ConnectionLost() };
    await connection.hop();
    return result;
  }

  /** Asks for the commit. Throws where it does not come to it; gives whether its answer is lost on purpose. */
  private async commit(connection: Connection): Promise<boolean> {
    const { life, database } = this;
    const strike = life.strikeAt('inbox.commit');
    if (strike && strike.moment !== 'after' && life.struck(strike)) throw new ConnectionLost();
    try {
      await connection.hop();
    } catch {
      database.onCounted('inbox commit unknown, undone (link)');
      throw new CommitLost();
    }
    const fate = database.commitFates.get(life.machine.name)?.shift();
    if (fate) database.onCounted(`inbox commit ${fate}`);
    if (fate === 'unknown-undone') throw new CommitLost();
    if (fate && fate !== 'unknown-committed') throw new CommitFailed(fate);
    // Dies when it is committed: whatever it would do next never happens.
    if (strike?.moment === 'after') life.machine.around.time.after(0, () => life.struck(strike));
    return fate === 'unknown-committed';
  }

  private async committed<R>(connection: Connection, result: InboxResult<R>, isCommittedInSilence: boolean): Promise<InboxResult<R>> {
    if (isCommittedInSilence) return { fate: 'unknown', error: new CommitLost() };
    try {
      await connection.hop();
      return result;
    } catch (error: unknown) {
      this.database.onCounted('inbox commit unknown, committed (link)');
      return { fate: 'unknown', error };
    }
  }

  private async hold<R>(name: string, waitMs: number, work: (lost: AbortSignal) => Promise<R>): Promise<ExclusiveResult<R>> {
    const { life, database } = this;
    const connection = new Connection(database, life);
    try {
      await life.port('inbox.lock', () => connection.hop());
    } catch (error: unknown) {
      return { fate: 'unavailable', error };
    }
    const held = await database.inner.exclusively(name, waitMs, async () => {
      if (connection.isBroken) return undefined;
      const lost = new AbortController();
      const running = new Promise<R>((resolve, reject) => life.enter(() => void work(lost.signal).then(resolve, reject)));
      running.catch(() => undefined);
      connection.broken.catch(() => life.enter(() => lost.abort()));
      // Whoever loses the connection loses the lock, and its work goes on without it.
      await Promise.race([running, connection.broken]).catch(() => undefined);
      return { running };
    });
    connection.close();
    if (held.fate !== 'done') return held;
    if (!held.value) return { fate: 'unavailable', error: new ConnectionLost() };
    return { fate: 'done', value: await held.value.running };
  }
}

class SimulatedSession implements InboxSession<MemoryTransaction> {
  constructor(
    private readonly session: InboxSession<MemoryTransaction>,
    private readonly connection: Connection,
    private readonly life: Life,
    private readonly database: InboxDatabase,
  ) {}

  get tx(): MemoryTransaction {
    return this.session.tx;
  }
  get now(): number {
    return this.session.now;
  }
  get uses(): number {
    return this.session.uses;
  }

  claim(rows: readonly InboxClaim[]): Promise<readonly Claim[]> {
    return this.life.port('inbox.claim', async () => {
      await this.connection.hop();
      const asked = this.life.monotonic();
      const claims = await this.session.claim(rows);
      if (this.life.monotonic() > asked) this.database.onCounted('inbox row waited for');
      this.database.onClaimed(rows, claims);
      await this.connection.hop();
      return claims;
    });
  }
  finalActions(actionIds: readonly string[]): Promise<readonly (InboxRow | undefined)[]> {
    return this.life.port('inbox.claim', async () => {
      await this.connection.hop();
      const rows = await this.session.finalActions(actionIds);
      this.database.onCounted(rows.some((row) => row) ? 'final action looked at' : 'no final action found');
      await this.connection.hop();
      return rows;
    });
  }
  idle(): Promise<void> {
    return this.session.idle();
  }
  attempt<R>(work: () => Promise<R>): Promise<R> {
    return this.session.attempt(work);
  }
  async record(rows: readonly InboxRecord[]): Promise<boolean> {
    if (rows.length === 0) return true;
    return this.life.port('inbox.write', async () => {
      await this.connection.hop();
      const isNew = await this.session.record(rows);
      if (isNew) this.database.onStored(rows);
      else this.database.onCounted('inbox row was there all the same');
      await this.connection.hop();
      return isNew;
    });
  }
  async store(rows: readonly InboxWrite[]): Promise<void> {
    if (rows.length === 0) return;
    await this.life.port('inbox.write', async () => {
      await this.connection.hop();
      await this.session.store(rows);
      this.database.onStored(rows);
    });
  }
  async release(keys: readonly InboxKey[]): Promise<void> {
    if (keys.length === 0) return;
    await this.life.port('inbox.write', async () => {
      await this.connection.hop();
      await this.session.release(keys);
    });
  }
  takeTurn(name: string): Promise<void> {
    return this.life.port('inbox.claim', async () => {
      await this.connection.hop();
      await this.session.takeTurn(name);
      this.database.onCounted('turn of a group taken');
      await this.connection.hop();
    });
  }
  condemn(): void {
    this.connection.abandon();
  }
}
