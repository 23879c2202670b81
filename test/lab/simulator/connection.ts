import type { Chance } from '../kit/chance.js';
import type { Life } from './life.js';

/** The connection is gone, or there is none to be had. */
export class ConnectionLost extends Error {
  constructor(what = 'the connection to the database is lost') {
    super(what);
  }
}

/** What a database is to those who connect to it: it may be down, and is some milliseconds away. */
export interface Server {
  isUp: boolean;
  readonly chance: Chance;
}

/**
 * One connection of a process to a database, for one transaction or one lock.
 * Owns: whether it still stands. It ends with its process, with the link, and with the server.
 */
export class Connection {
  /** Rejects when it breaks. Handled here, so that nobody has to look. */
  readonly broken: Promise<never>;
  isBroken = false;
  private break: () => void = () => undefined;
  private readonly forget: () => void;

  constructor(
    private readonly server: Server,
    private readonly life: Life,
  ) {
    this.broken = new Promise<never>((_, reject) => {
      this.break = () => {
        if (this.isBroken) return;
        this.isBroken = true;
        reject(new ConnectionLost());
      };
    });
    this.broken.catch(() => undefined);
    this.forget = life.onDatabaseBroken(this.break);
  }

  /** One way over the link. Throws when there is none. */
  async hop(): Promise<void> {
    this.check();
    await this.life.machine.around.time.sleep(this.delay());
    this.check();
  }
  /** The server gives it up by itself. */
  abandon(): void {
    this.break();
    this.forget();
  }
  close(): void {
    this.forget();
  }

  private check(): void {
    if (this.isBroken || !this.server.isUp || !this.life.machine.databaseReachable) {
      this.break();
      throw new ConnectionLost();
    }
  }
  private delay(): number {
    const { chance } = this.server;
    return chance.is(0.02) ? chance.between(5, 200) : 0.1 + chance.next() * 1.5;
  }
}
