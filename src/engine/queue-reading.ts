import type { Plan } from '../core/plan.js';
import type { Names } from '../core/wire.js';
import type { QueueState, Transport } from '../ports/transport.js';

/** What the broker says of one queue; absent where it does not say. */
type Seen = Pick<QueueState, 'depth' | 'consumers'>;
export interface ParticipantReading {
  readonly name: string;
  /** `<participant>.<command>`, of all definitions that are loaded. */
  readonly commands: readonly string[];
  /** Names of definitions that need it. */
  readonly definitions: readonly string[];
  readonly queue: string;
  readonly seen: Seen | undefined;
}
export interface QueueReading {
  readonly participants: readonly ParticipantReading[];
  /** All that waits, and who consumes the queue that the daemons share: every one that is up, once. */
  readonly replies: Seen | undefined;
}

/** Who is needed by the definitions, and what waits for them at the broker. `replyQueues`: those in use, of which the shared one is the default. Asks the broker once; a broker that is away says nothing. */
export async function readQueues(
  plans: readonly Plan[],
  names: Names,
  transport: Pick<Transport, 'queues'>,
  replyQueues: readonly string[] = [names.replies],
): Promise<QueueReading> {
  const participants = participantsOf(plans);
  const queues = [...replyQueues, ...participants.map(({ name }) => names.commands(name))];
  const states = new Map((await transport.queues?.(queues))?.map((state) => [state.name, state]));
  const seen = (queue: string): Seen | undefined => {
    const state = states.get(queue);
    return state && { depth: state.depth, consumers: state.consumers };
  };
  const replies = seen(names.replies);
  return {
    participants: participants.map((one) => ({ ...one, queue: names.commands(one.name), seen: seen(names.commands(one.name)) })),
    replies: replies && { ...replies, depth: replyQueues.reduce((sum, queue) => sum + (states.get(queue)?.depth ?? 0), 0) },
  };
}

function participantsOf(plans: readonly Plan[]): Pick<ParticipantReading, 'name' | 'commands' | 'definitions'>[] {
  const needs = plans.flatMap((plan) =>
    plan.steps.flatMap((step) => {
      if (step.kind === 'check') return [];
      const commands = step.compensation ? [step.action, step.compensation] : [step.action];
      return commands.map(({ participant, type }) => ({ participant, type, definition: plan.name }));
    }),
  );
  const names = [...new Set(needs.map(({ participant }) => participant))].toSorted();
  return names.map((name) => {
    const own = needs.filter(({ participant }) => participant === name);
    return {
      name,
      commands: [...new Set(own.map(({ type }) => type))].toSorted(),
      definitions: [...new Set(own.map(({ definition }) => definition))].toSorted(),
    };
  });
}
