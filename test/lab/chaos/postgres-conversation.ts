import type { Conversation, Ends } from './proxy.js';
import { asksToCommit, postgresFrames, saysCommitted } from './postgres-frames.js';
import type { Triggers } from './triggers.js';

/** One connection to PostgreSQL, seen from the middle. */
export function postgresConversation({ toServer, toClient }: Ends, triggers: Triggers): Conversation {
  const { fromClient, fromServer } = postgresFrames();
  return {
    fromClient(chunk) {
      for (const frame of fromClient.push(chunk)) {
        if (asksToCommit(frame)) {
          const swallowed = triggers.fires('swallow-commit');
          if (swallowed) return toServer.sever(swallowed.resetAfterMs);
          const held = triggers.fires('hold-commit');
          if (held) toServer.hold(held.holdMs);
        }
        if (frame.type !== '' && frame.bytes.length > 16 && triggers.fires('cut-in-frame'))
          return toServer.lastWords(frame.bytes.subarray(0, frame.bytes.length >> 1));
        toServer.write(frame.bytes);
      }
    },
    fromServer(chunk) {
      for (const frame of fromServer.push(chunk)) {
        const swallowed = saysCommitted(frame) && triggers.fires('swallow-commit-answer');
        if (swallowed) return toClient.sever(swallowed.resetAfterMs);
        toClient.write(frame.bytes);
      }
    },
  };
}
