import { BATCH_CONTENT, HEADER } from '../../../src/core/wire.js';
import type { Template } from './message.js';

// Valid messages of every kind, for a saga of one's choice.

export const SAGA_NAME = 'test-saga';

/** A reply to a command; `outcome` is left out where it is a success, as foreign participants may. */
export function replyTemplate(commandId: string, body: unknown, outcome?: string, attempt = 1): Template {
  return {
    properties: { messageId: `${commandId}#${outcome ?? 'success'}`, correlationId: commandId, contentType: 'application/json' },
    headers: { ...(outcome === undefined ? {} : { [HEADER.outcome]: outcome }), [HEADER.attempt]: attempt },
    body,
  };
}

export function startTemplate(id: string, body: unknown, more: { readonly key?: string; readonly replyTo?: string } = {}): Template {
  return {
    properties: {
      messageId: id,
      correlationId: id,
      type: SAGA_NAME,
      contentType: 'application/json',
      ...(more.replyTo === undefined ? {} : { replyTo: more.replyTo }),
    },
    headers: { ...(more.key === undefined ? {} : { [HEADER.key]: more.key }), [HEADER.sagaVersion]: 1 },
    body,
  };
}

export interface CommandFacts {
  readonly sagaId: string;
  readonly step: string;
  readonly phase: 'a' | 'c' | 'f';
  readonly execution?: number;
  readonly attempt?: number;
  readonly type: string;
  readonly firstSentAt: number;
}

export function commandTemplate(facts: CommandFacts, body: unknown): Template {
  const { sagaId, step, phase, execution = 1, attempt = 1, type, firstSentAt } = facts;
  const id = `${sagaId}.${step}.${phase}.${execution}`;
  const action =
    phase === 'a'
      ? {}
      : {
          [HEADER.actionId]: `${sagaId}.${step}.a.1`,
          [HEADER.actionOutcome]: 'unknown',
          [HEADER.actionFirstSent]: firstSentAt,
        };
  return {
    properties: { messageId: id, correlationId: id, type, replyTo: 'backstep.replies', contentType: 'application/json' },
    headers: {
      [HEADER.sagaId]: sagaId,
      [HEADER.sagaName]: SAGA_NAME,
      [HEADER.sagaVersion]: 1,
      [HEADER.step]: step,
      [HEADER.phase]: { a: 'action', c: 'compensation', f: 'fence' }[phase],
      [HEADER.attempt]: attempt,
      [HEADER.execution]: execution,
      [HEADER.firstSent]: firstSentAt,
      ...action,
    },
    body,
  };
}

/** Several messages in one. What of their properties an element says is what the format has a name for. */
export function batchTemplate(elements: readonly Template[]): Template {
  return {
    properties: { messageId: 'a batch', contentType: BATCH_CONTENT, replyTo: 'backstep.replies' },
    headers: {},
    body: elements.map(({ properties, headers, body }) => ({
      properties: { message_id: properties['messageId'], correlation_id: properties['correlationId'], type: properties['type'] },
      headers,
      body,
    })),
  };
}
