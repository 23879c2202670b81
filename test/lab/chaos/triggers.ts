import { SIGHTINGS, type Sighting } from './amqp-frames.js';

/**
 * What the proxy can do at a frame.
 * - `swallow-commit`: a COMMIT and everything after it never reaches PostgreSQL, then the connection is reset.
 * - `swallow-commit-answer`: PostgreSQL commits; its answer and everything after it never reaches the client, then the reset.
 * - `hold-commit`: the connection stands still for a while before the COMMIT passes.
 * - `swallow-publish`: a message and everything after it never reaches RabbitMQ, then the reset.
 * - `swallow-confirm`: RabbitMQ has the message; the publisher is never told, and nothing else happens.
 * - `swallow-confirm-and-cut`: the same, with everything after it, then the reset.
 * - `nack-publish`: RabbitMQ has the message, and the publisher is told that it has not.
 * - `swallow-ack`: a consumer's acknowledgement and everything after it never reaches RabbitMQ, then the reset: all is delivered again.
 * - `duplicate-publish`: RabbitMQ gets the message twice, the publisher one confirm.
 * - `detain-publish`: the publisher gets its confirm at once, RabbitMQ the message only after a while: it is overtaken.
 * - `cut-in-frame`: half of a frame passes to the server, then the reset.
 */
export const TRIGGERS = [
  'swallow-commit',
  'swallow-commit-answer',
  'hold-commit',
  'swallow-publish',
  'swallow-confirm',
  'swallow-confirm-and-cut',
  'nack-publish',
  'swallow-ack',
  'duplicate-publish',
  'detain-publish',
  'cut-in-frame',
] as const;
export type Trigger = (typeof TRIGGERS)[number];

export interface Arming {
  /** How often it fires. */
  readonly times: number;
  /** Of publishes: only those whose exchange and routing key, with a `/` between them, match. Default: all. */
  readonly address?: RegExp;
  /** How long a connection or a message is held. Default 2,000. */
  readonly holdMs?: number;
  /** How long after what was swallowed the connection is reset. Default 100. */
  readonly resetAfterMs?: number;
  /** Lets so many matching frames pass first. Default 0. */
  readonly after?: number;
}

/**
 * Which triggers are armed, how often each has fired, and how often something passed that shows that something happened: the counts that
 * tell that a fault was not in vain.
 */
export class Triggers {
  readonly fired: Record<Trigger, number> = Object.fromEntries(TRIGGERS.map((one) => [one, 0])) as Record<Trigger, number>;
  readonly seen: Record<Sighting, number> = Object.fromEntries(SIGHTINGS.map((one) => [one, 0])) as Record<Sighting, number>;
  private readonly armed = new Map<Trigger, { left: number; skip: number; readonly arming: Arming }>();

  arm(trigger: Trigger, arming: Arming): void {
    this.armed.set(trigger, { left: arming.times, skip: arming.after ?? 0, arming });
  }
  disarm(): void {
    this.armed.clear();
  }

  /** Whether it happens now; it then counts as fired. */
  fires(trigger: Trigger, address?: string): Required<Pick<Arming, 'holdMs' | 'resetAfterMs'>> | undefined {
    const found = this.armed.get(trigger);
    if (!found || (address !== undefined && found.arming.address && !found.arming.address.test(address))) return undefined;
    if (found.skip > 0) {
      found.skip--;
      return undefined;
    }
    if (--found.left <= 0) this.armed.delete(trigger);
    this.fired[trigger]++;
    return { holdMs: found.arming.holdMs ?? 2_000, resetAfterMs: found.arming.resetAfterMs ?? 100 };
  }
}
