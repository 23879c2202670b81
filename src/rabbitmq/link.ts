import amqp, { type ChannelModel, type SocketOptions } from 'amqplib';
import { explain } from './broker-errors.js';
import { gatherWrites } from './gather-writes.js';
import type { Settings } from './options.js';
import { tlsOptions } from './tls.js';
import { surviveUnreadableHeaders } from './unreadable-headers.js';
import { pause, pauseMs, within } from './waiting.js';

/** What lives on a link. */
export interface LinkUser {
  /** Prepares a new connection; the link is up when it has. A rejection drops the connection and tries again. */
  setUp(connection: ChannelModel): Promise<void>;
  /** Up, down, blocked, unblocked or another error: look at the link. */
  linkChanged(): void;
}

/**
 * One connection to the broker, kept up for ever. Owns the socket and the reconnecting. Does not own channels. Invariants: at most one
 * connection at a time; `connection` is set from log-in to the end, `isUp` only after `setUp`; an error of the client library ends the
 * connection, never the process.
 */
export class Link {
  private current: ChannelModel | undefined;
  private abort: AbortController | undefined;
  private dropReason: string | undefined;
  private running: Promise<void> | undefined;
  private isClosing = false;
  private error: string | undefined;
  private attempts = 0;
  isUp = false;
  isBlocked = false;

  constructor(
    /** For people: `publishing` or `consuming`. */
    private readonly purpose: string,
    private readonly settings: Settings,
    private readonly user: LinkUser,
  ) {}

  get connection(): ChannelModel | undefined {
    return this.current;
  }
  get isStarted(): boolean {
    return this.running !== undefined;
  }
  /** Why it is not up. */
  get lastError(): string | undefined {
    return this.isUp ? undefined : this.error;
  }

  start(): void {
    if (!this.isClosing) this.running ??= this.run();
  }

  /** Ends a connection that is of no use any more; the next one follows. */
  drop(connection: ChannelModel, reason: string): void {
    if (this.current !== connection) return;
    this.dropReason ??= reason;
    this.abort?.abort();
  }

  /** Says good-bye, for at most the close timeout, and stays away. */
  async close(): Promise<void> {
    this.isClosing = true;
    if (this.current && this.isUp)
      await within(
        this.settings.clock,
        this.settings.closeTimeoutMs,
        this.current.close().catch(() => {}),
      );
    this.abort?.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { clock, urls } = this.settings;
    let failures = 0;
    while (!this.isClosing) {
      const startedAt = clock.monotonic();
      const reason = await this.session(urls[this.attempts++ % urls.length]!);
      if (this.isClosing) return;
      this.failed(reason);
      // A connection that is lost as soon as it is up counts as one that could not be made.
      failures = clock.monotonic() - startedAt > 2 * this.settings.reconnectMs.longest ? 1 : failures + 1;
      if (failures % urls.length === 0) await pause(clock, pauseMs(this.settings, failures / urls.length), this.settings.closing);
    }
  }

  /** One connection from its beginning to its end; gives why it ended. */
  private async session(url: string): Promise<string> {
    const abort = new AbortController();
    this.abort = abort;
    this.dropReason = undefined;
    let connection: ChannelModel;
    try {
      connection = await this.connect(url, abort);
    } catch (error: unknown) {
      return explain(error);
    }
    const ended = this.endOf(connection);
    this.current = connection;
    if (this.isClosing) abort.abort();
    await this.prepare(connection, ended);
    const reason = await ended;
    this.current = undefined;
    this.isUp = false;
    this.isBlocked = false;
    abort.abort();
    return reason;
  }

  private async connect(url: string, abort: AbortController): Promise<ChannelModel> {
    const { connectTimeoutMs, connectionName, heartbeatS, clock } = this.settings;
    const withHeartbeat = new URL(url);
    if (!withHeartbeat.searchParams.has('heartbeat')) withHeartbeat.searchParams.set('heartbeat', String(heartbeatS));
    // The socket's own signal is the only way to get rid of one on which nothing moves any more.
    const socket: SocketOptions & { signal: AbortSignal } = {
      noDelay: true,
      timeout: connectTimeoutMs,
      clientProperties: { connection_name: `${connectionName} (${this.purpose})` },
      signal: abort.signal,
      ...tlsOptions(withHeartbeat),
    };
    const timer = clock.after(connectTimeoutMs, () => abort.abort());
    try {
      const connection = await amqp.connect(withHeartbeat.href, socket);
      gatherWrites(connection);
      surviveUnreadableHeaders(connection);
      return connection;
    } finally {
      timer.cancel();
    }
  }

  private async endOf(connection: ChannelModel): Promise<string> {
    return new Promise((resolve) => {
      let error: unknown;
      connection.on('error', (cause) => {
        error ??= cause;
      });
      connection.on('close', (cause) => resolve(this.dropReason ?? explain(error ?? cause ?? 'the connection was closed')));
      connection.on('blocked', () => this.setBlocked(connection, true));
      connection.on('unblocked', () => this.setBlocked(connection, false));
    });
  }

  private async prepare(connection: ChannelModel, ended: Promise<string>): Promise<void> {
    const { clock, connectTimeoutMs } = this.settings;
    // Declaring many queues takes a while, so this is generous; a dead connection is noticed by its heartbeat.
    const ready = within(clock, 6 * connectTimeoutMs, this.user.setUp(connection)).catch((error: unknown) => explain(error));
    const result = await Promise.race([ready, ended.then(() => 'ended')]);
    if (result !== undefined) {
      this.drop(connection, result === 'late' ? 'the broker did not set up the connection in time' : result);
      return;
    }
    this.isUp = true;
    this.settings.logger.info({ purpose: this.purpose, broker: brokerOf(this.settings.urls, this.attempts) }, 'Connected to RabbitMQ.');
    this.error = undefined;
    this.user.linkChanged();
  }

  private setBlocked(connection: ChannelModel, isBlocked: boolean): void {
    if (this.current !== connection || this.isBlocked === isBlocked) return;
    this.isBlocked = isBlocked;
    if (isBlocked) this.settings.logger.warn({ purpose: this.purpose }, 'RabbitMQ holds publishing back (memory or disk alarm).');
    else this.settings.logger.info({ purpose: this.purpose }, 'RabbitMQ takes messages again.');
    this.user.linkChanged();
  }

  /** Logged when it is news, not at every attempt. */
  private failed(reason: string): void {
    const isNews = this.error !== reason;
    this.error = reason;
    if (isNews)
      this.settings.logger.warn(
        { purpose: this.purpose, broker: brokerOf(this.settings.urls, this.attempts), reason },
        'No connection to RabbitMQ; trying again.',
      );
    this.user.linkChanged();
  }
}

/** Host and port of the URL that was tried last, without the credentials. */
function brokerOf(urls: readonly string[], attempts: number): string {
  return new URL(urls[(attempts - 1) % urls.length]!).host;
}
