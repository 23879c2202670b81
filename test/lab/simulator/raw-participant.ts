import { decodeCommands, type DecodedCommand } from '../../../src/core/codec-commands.js';
import { encodeReply } from '../../../src/core/codec-replies.js';
import type { ReplyMessage } from '../../../src/core/wire.js';
import { commandQueue } from '../../../src/engine/topology.js';
import type { Delivery } from '../../../src/ports/transport.js';
import type { Life } from './life.js';
import type { Asked } from './participants.js';
import type { SimulatedTransport } from './simulated-transport.js';
import { NAMES, type Scene } from './scene.js';

/**
 * A service in another language, that knows nothing of Backstep: it consumes, does what it is asked, answers, acknowledges. It remembers
 * nothing, and what it answers is scripted.
 */
export class RawParticipant {
  constructor(
    private readonly world: Scene,
    private readonly life: Life,
    private readonly transport: SimulatedTransport,
  ) {}

  async start(): Promise<void> {
    await this.transport.declare({ exchanges: [], queues: [commandQueue(NAMES, 'raw')], bindings: [] });
    await this.transport.consume(NAMES.commands('raw'), { prefetch: 50 }, (deliveries) => {
      for (const delivery of deliveries) void this.handle(delivery);
    });
  }

  private async handle(delivery: Delivery): Promise<void> {
    const [command] = decodeCommands(delivery.message, 'raw').commands;
    if (!command) return delivery.settle('done');
    const answers = await this.act(command);
    if (answers.length > 0) {
      const facts = { appId: 'raw', now: this.life.now() };
      await this.transport.publish(answers.map((answer) => encodeReply(answer, NAMES, facts)));
    }
    delivery.settle('done');
  }

  private async act(command: DecodedCommand): Promise<ReplyMessage[]> {
    const { n } = command.request as unknown as Asked;
    const { world } = this;
    const script = world.of.scripts.find((one) => one.n === n)?.steps[command.step];
    if (!script) return [];
    const isDoing = command.phase === 'a';
    await this.life.port('handler', () => world.time.sleep(isDoing ? script.takesMs : script.undoTakesMs));
    const tries = world.countTry(`${n} ${command.step} ${command.phase}`);
    const attempt = n % 2 === 0 ? undefined : command.attempt;
    const answer = (outcome: ReplyMessage['outcome'], body = ''): ReplyMessage => ({ commandId: command.id, outcome, attempt, body });
    const no = answer('rejected', JSON.stringify({ code: 'no', message: 'no' }));
    const reply = answer('success', JSON.stringify({ from: command.step, n }));
    if (tries <= (isDoing ? script.errors : script.undoErrors)) return [answer('error', JSON.stringify({ message: 'scripted to fail' }))];
    if (isDoing && script.fate === 'rejects') return [no];
    world.ledger.add(
      {
        participant: 'raw',
        direction: isDoing ? 'action' : 'compensation',
        n,
        sagaId: command.sagaId,
        step: command.step,
        commandId: command.id,
        actionId: command.action?.id ?? command.id,
        attempt: command.attempt,
        isOutside: true,
        isOnItsOwn: false,
      },
      world.time.elapsed,
    );
    if (!isDoing) return [answer('success')];
    switch (script.fate) {
      case 'mute':
        world.counters.add('never answered');
        return [];
      case 'unusable':
        return [answer('success', '{ "from": ')];
      case 'twice':
        return [reply, reply];
      case 'contradicts':
        return [reply, no];
      default:
        return [reply];
    }
  }
}
