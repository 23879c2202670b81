import { readReplyText, type DecodedReply, type ReplyContent } from '../core/codec-replies.js';
import type { Replied } from '../core/event.js';
import { utf8Bytes } from '../core/json.js';
import { parseCommandId, type CommandRef, type Outcome } from '../core/state.js';
import type { ParkedReply } from '../ports/saga-store.js';

/** The event that a reply means. */
export function repliedFrom(reply: DecodedReply, redelivered: boolean): Replied {
  return eventOf(reply.ref, reply, reply.attempt, utf8Bytes(reply.text), redelivered);
}

/** The event that a parked reply means; `undefined` if its command id is none that a saga has. */
export function repliedFromParked(parked: ParkedReply): Replied | undefined {
  const ref = parseCommandId(parked.commandId);
  if (!ref || ref.element !== undefined) return undefined;
  const outcome: Outcome = parked.outcome === 'success' || parked.outcome === 'rejected' ? parked.outcome : 'error';
  const content = { outcome, ...readReplyText(outcome, parked.body) };
  return eventOf(ref, content, parked.attempt ?? undefined, utf8Bytes(parked.body), parked.redelivered);
}

/** A reply as it is kept for a process that has the definition. */
export function parkedFrom(reply: DecodedReply, redelivered: boolean, by?: string): ParkedReply {
  const { commandId, attempt = null, outcome, text: body } = reply;
  return { commandId, attempt, outcome, body, redelivered, ...(by !== undefined && { by }) };
}

function eventOf(
  { step, phase, execution }: CommandRef,
  content: ReplyContent & { readonly outcome: Outcome },
  attempt: number | undefined,
  bytes: number,
  redelivered: boolean,
): Replied {
  const { outcome, body, unusable, code, message, details } = content;
  const event: { -readonly [K in keyof Replied]: Replied[K] } = {
    kind: 'replied',
    step,
    phase,
    execution,
    attempt,
    outcome,
    body,
    redelivered,
    bytes,
  };
  if (unusable !== undefined) event.unusable = unusable;
  if (code !== undefined) event.code = code;
  if (message !== undefined) event.message = message;
  if (details !== undefined) event.details = details;
  return event;
}
