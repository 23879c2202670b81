import type { DecodedCommand } from '../core/codec-commands.js';
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
  readonly claims: CommandClaims;
  readonly parcel: Parcel;
  readonly lane: Lane;
}

/** Whoever keeps no inbox needs no claims, but the same shape does no harm. */
export function taskOf(command: DecodedCommand, handler: HandlerDeclaration | undefined, parcel: Parcel, hasInbox: boolean): Task {
  return {
    command,
    handler,
    actionId: actionIdOf(command),
    claims: claimsOf(command, hasInbox ? requestHash(command.request) : ''),
    parcel,
    lane: laneOf(handler, hasInbox),
  };
}

function laneOf(handler: HandlerDeclaration | undefined, hasInbox: boolean): Lane {
  if (!hasInbox) return 'plain';
  if (!handler) return 'group';
  if (handler.effects === 'outside') return 'outside';
  return handler.slow ? 'alone' : 'group';
}

/**
 * One delivery and the answers to the commands in it.
 * Owns: when the delivery is settled: once, after every answer is published. Does not own: publishing.
 */
export class Parcel {
  readonly replies: ReplyMessage[] = [];
  private open = 0;
  private isSettled = false;

  constructor(readonly delivery: Delivery) {}

  /** As many commands are in the delivery. */
  expect(commands: number): void {
    this.open = commands;
  }

  /** Gives true when it was the last answer that was missing. */
  answer(command: DecodedCommand, { outcome, body }: Answer): boolean {
    this.replies.push({ commandId: command.id, outcome, attempt: command.attempt, body });
    this.open--;
    return this.open === 0;
  }

  settle(verdict: 'done' | 'requeue'): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.delivery.settle(verdict);
  }
}
