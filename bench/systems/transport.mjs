// RabbitMQ for everything of Backstep's in the bench: as the product opens it, with the type of the queues chosen.
import { RabbitMqTransport } from '../../dist/src/orchestrator.js';
import { SystemClock, SystemRandom } from '../../dist/src/main/system.js';
import { NAME, RABBITMQ_URL } from '../lib/servers.mjs';

export function openTransport(queueType, logger) {
  return new RabbitMqTransport({
    urls: [RABBITMQ_URL],
    clock: new SystemClock(),
    random: new SystemRandom(),
    logger,
    connectionName: NAME,
    queueType,
  });
}
