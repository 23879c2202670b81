import { SagaError } from '../core/errors.js';
import { MAX_MESSAGE_BYTES } from '../core/wire-limits.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import { tlsFaults } from './tls.js';

/** How to reach RabbitMQ, and how patient to be with it. */
export interface RabbitMqOptions {
  /**
   * `amqp://` or `amqps://`; several nodes of one cluster are tried in turn. `amqps` with `cacertfile`, `certfile`, `keyfile` and
   * `auth_mechanism=external` as parameters, where they are needed.
   */
  readonly urls: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Shown in RabbitMQ's list of connections. Default `backstep`. */
  readonly connectionName?: string;
  /** Of the queues that are declared. Default `quorum`: replicated, and cheaper under load; `classic` has the lower latency. */
  readonly queueType?: 'quorum' | 'classic';
  /** Seconds without a sign of life after which a side becomes suspicious; a dead link is noticed after two to three times as many. Default 8: a dead link is noticed within 25 seconds. */
  readonly heartbeatS?: number;
  /** For connecting and logging in. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Without a confirm for so long, a message's outcome is unknown and the channel is replaced. Default 10,000. */
  readonly confirmTimeoutMs?: number;
  /** How long publishing waits for a connection, or for the broker to take more. Default 5,000. */
  readonly publishWaitMs?: number;
  /** For confirms under way, and again for each connection's good-bye, when closing. Default 5,000. */
  readonly closeTimeoutMs?: number;
  /** First and longest pause between two rounds over the URLs. Default 100 and 2,000. */
  readonly reconnectMs?: { readonly first: number; readonly longest: number };
  /** How often a conflicting topology is tried again. Default 30,000. */
  readonly conflictRetryMs?: number;
  /** Larger bodies are refused, because the broker would close the channel. Default 16 MiB, RabbitMQ 4's own limit. */
  readonly maxMessageBytes?: number;
}
export type Settings = Readonly<Required<RabbitMqOptions>> & {
  /** Aborted when the transport closes: whoever pauses need not. */
  readonly closing: AbortSignal;
};

/** Fills in the defaults; throws SAGA_CONFIG_INVALID with every fault. */
export function settingsOf(options: RabbitMqOptions, closing: AbortSignal): Settings {
  const settings: Settings = {
    connectionName: 'backstep',
    queueType: 'quorum',
    heartbeatS: 8,
    connectTimeoutMs: 5_000,
    confirmTimeoutMs: 10_000,
    publishWaitMs: 5_000,
    closeTimeoutMs: 5_000,
    reconnectMs: { first: 100, longest: 2_000 },
    conflictRetryMs: 30_000,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    ...options,
    closing,
  };
  const faults = settings.urls.flatMap((url, i) => urlFault(url, i + 1));
  if (settings.urls.length === 0) faults.push('there is no URL');
  if (!Number.isInteger(settings.heartbeatS) || settings.heartbeatS < 1)
    faults.push('heartbeatS must be a whole number of seconds from 1 on');
  if (faults.length > 0) throw new SagaError('SAGA_CONFIG_INVALID', 'the configuration of RabbitMQ is wrong', faults);
  return settings;
}

/** Never repeats the URL: it may hold a password. */
function urlFault(url: string, place: number): string[] {
  if (!URL.canParse(url)) return [`URL ${place} is not a URL`];
  const { protocol } = new URL(url);
  if (protocol !== 'amqp:' && protocol !== 'amqps:') return [`URL ${place} begins with ${protocol}, not with amqp: or amqps:`];
  return tlsFaults(new URL(url)).map((fault) => `URL ${place}: ${fault}`);
}
