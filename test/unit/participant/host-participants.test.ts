import { inject, Container } from 'inversify';
import { describe, expect, it } from '@jest/globals';
import { hostParticipants } from '../../../src/main/host-participants.js';
import { InMemoryInbox, type MemoryTransaction } from '../../../src/memory/in-memory-inbox.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import { InProcessBroker } from '../../../src/memory/transport-broker.js';
import { noInbox } from '../../../src/participant/no-inbox.js';
import { Handles, Participant } from '../../../src/saga/participant.js';
import type { CommandContext } from '../../../src/saga/participant-declaration.js';
import { realClock, recordingLogger } from '../../contract/transport-parts.js';
import { Payments } from './stand.js';

class Gateway {
  readonly charged: string[] = [];
}

@Participant(Payments)
class PaymentService {
  constructor(@inject(Gateway) private readonly gateway: Gateway) {}
  @Handles(Payments.charge)
  async charge(_: { amount: number }, { commandId, tx }: CommandContext<MemoryTransaction>) {
    tx.onCommit(() => this.gateway.charged.push(commandId));
    return Promise.resolve({ paymentId: commandId });
  }
  @Handles(Payments.refund)
  async refund(_request: { amount: number }, _context: CommandContext<MemoryTransaction>) {}
}

const logger = recordingLogger();
const transport = () => new InProcessTransport({ broker: new InProcessBroker(realClock), clock: realClock, logger });

describe('hostParticipants', () => {
  it('makes classes with what the container binds, and runs them until it is stopped', async () => {
    const container = new Container();
    container.bind(Gateway).toSelf().inSingletonScope();
    const host = hostParticipants({ inbox: new InMemoryInbox(realClock), transport: transport(), container, logger });
    const running = await host.add(PaymentService).start();
    await running.stop();
  });

  it('lists what is wrong before it connects to anything', async () => {
    const inbox = new InMemoryInbox(realClock);
    const parts = { inbox, transport: transport(), logger };
    await expect(hostParticipants(parts).start()).rejects.toMatchObject({ code: 'SAGA_CONFIG_INVALID' });
    await expect(hostParticipants(parts).add(PaymentService).start()).rejects.toMatchObject({ code: 'SAGA_DEFINITION_INVALID' });
    const container = new Container();
    container.bind(Gateway).toSelf();
    await expect(hostParticipants({ inbox, logger, container, rabbitmq: 'http://x' }).add(PaymentService).start()).rejects.toMatchObject({
      code: 'SAGA_CONFIG_INVALID',
    });
  });

  it('does not take participants that want another transaction than the inbox gives', () => {
    // @ts-expect-error -- the handlers want a MemoryTransaction
    hostParticipants({ inbox: noInbox(), transport: transport(), logger }).add(PaymentService);
  });
});
