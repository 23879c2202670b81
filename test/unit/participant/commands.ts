import type { DecodedCommand } from '../../../src/core/codec-commands.js';
import type { Json } from '../../../src/core/json.js';
import type { CommandMessage } from '../../../src/core/wire.js';

export const SAGA = '0196f000-0000-7000-8000-000000000001';
export const DAY = 86_400_000;

/** As it is sent and as it is read. */
export type KnownCommand = CommandMessage & DecodedCommand;

/** `step` also makes its id. */
export function commandOf(changes: Partial<KnownCommand> & { readonly request?: Json } = {}): KnownCommand {
  const { phase = 'a', step = 'charge', execution = 1, sagaId = SAGA, request = { amount: 1 } } = changes;
  return {
    id: `${sagaId}.${step}.${phase}.${execution}`,
    participant: 'payments',
    type: phase === 'a' ? 'payments.charge' : phase === 'c' ? 'payments.refund' : 'backstep.fence',
    sagaId,
    sagaName: 'place-order',
    sagaVersion: 1,
    sagaKey: 'o-1',
    step,
    phase,
    attempt: 1,
    execution,
    firstSentAt: 0,
    action: phase === 'a' ? undefined : { id: `${sagaId}.${step}.a.1`, outcome: 'unknown', firstSentAt: 0 },
    traceparent: undefined,
    body: JSON.stringify(request),
    request,
    expirationMs: 60_000,
    ...changes,
  };
}
