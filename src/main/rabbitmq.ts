import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { Transport } from '../ports/transport.js';
import { RabbitMqTransport } from '../rabbitmq/rabbitmq-transport.js';
import { SystemRandom } from './system.js';

/** A transport on RabbitMQ. It connects by itself and for ever, so a broker that is away keeps nobody from starting. */
export function openRabbitMq(options: {
  /** One URL, or several with commas between them. */
  readonly url: string;
  readonly namespace: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): Transport {
  const { url, namespace, clock, logger } = options;
  const urls = url.split(',').map((one) => one.trim());
  return new RabbitMqTransport({ urls, clock, logger, random: new SystemRandom(), connectionName: namespace });
}
