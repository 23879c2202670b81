import type { DecodedCommand } from '../core/codec-commands.js';
import type { Json } from '../core/json.js';
import type { ReplyMessage } from '../core/wire.js';
import type { Delivery } from '../ports/transport.js';
import type { HandlerDeclaration } from '../saga/participant-declaration.js';
import type { Answer } from './answer.js';
import { actionIdOf, claimsOf, type CommandClaims } from './barrier.js';
import { requestHash } from './request-hash.js';

/**
 * How a command runs. `group`: with others in one transaction. `alone`: in one of its own. `locked`: the same, under the lock of its
 * action. `outside`: without a transaction, between two. `plain`: nothing is recorded.
 */
export type Lane = 'group' | 'alone' | 'locked' | 'outside' | 'plain';

/** One command on its way through the process. */
export interface Task {
  readonly command: DecodedCommand;
  /** `undefined` for a fence, which runs none. */
  readonly handler: HandlerDeclaration | undefined;
  /** Commands about one action never run side by side. */
  readonly actionId: string;
  /** Of no meaning in the lane `plain`. */
  readonly claims: CommandClaims;
  readonly parcel: Parcel;
  readonly lane: Lane;
}

/** `request`: as it came, sealed where it was, which is what tells two requests apart. */
export function taskOf(
  command: DecodedCommand,
  request: Json,
  handler: HandlerDeclaration | undefined,
  parcel: Parcel,
  hasInbox: boolean,
): Task {
  return {
    command,
    handler,
    actionId: actionIdOf(command),
    claims: hasInbox ? claimsOf(command, requestHash(request)) : NO_CLAIMS,
    parcel,
    lane: laneOf(handler, hasInbox),
  };
}

/** Whoever keeps no inbox claims nothing. */
const NO_CLAIMS: CommandClaims = { action: { actionId: '', direction: 'action', commandId: '', requestHash: '' }, own: undefined };

function laneOf(handler: HandlerDeclaration | undefined, hasInbox: boolean): Lane {
  if (!hasInbox) return 'plain';
  if (!handler) return 'group';
  if (handler.effects === 'outside') return 'outside';
  return handler.slow ? 'alone' : 'group';
}

/**
 * One delivery and the answers to the commands in it. What is answered need not wait for the rest.
 * Owns: when the delivery is settled: once, after every answer and every dead letter of it is through. Does not own: publishing.
 */
export class Parcel {
  private answers: ReplyMessage[] = [];
  /** Answers and dead letters that are not through yet. */
  private open = 0;
  private isSettled = false;

  constructor(readonly delivery: Delivery) {}

  /** As many answers or dead letters are still to come. */
  expect(parts: number): void {
    this.open += parts;
  }

  answer(command: DecodedCommand, { outcome, body }: Answer): void {
    this.answers.push({ commandId: command.id, outcome, attempt: command.attempt, body });
  }

  /** The answers that are not on their way yet; whoever takes them sends them. */
  take(): readonly ReplyMessage[] {
    const { answers } = this;
    this.answers = [];
    return answers;
  }

  /** So many of what was expected is through. */
  through(parts: number): void {
    this.open -= parts;
    if (this.open === 0) this.settle('done');
  }

  settle(verdict: 'done' | 'requeue'): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.delivery.settle(verdict);
  }
}
