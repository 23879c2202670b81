import type { Message } from '../core/wire.js';
import type { Outgoing } from './transport.js';

/** Why a message is not trusted; there are no others, so that they can be counted. `broken-seal`: of what is sealed in its payload. */
export const SIGNATURE_FAULTS = ['unsigned', 'unknown-key', 'revoked-key', 'misattributed', 'mismatch', 'broken-seal'] as const;
export type SignatureFault = (typeof SIGNATURE_FAULTS)[number];

/** Whether a message is from whom it says. */
export type Judgement =
  /** `by`: the participant or client whose key it is; `undefined` where the message is not signed and need not be, or is the orchestrator's. */
  | { readonly ok: true; readonly by: string | undefined }
  /** For the dead letters: one sentence. */
  | { readonly ok: false; readonly fault: SignatureFault; readonly reason: string };

/** The orchestrator's side. Nothing here throws for a message. */
export interface OrchestratorSigning extends Attribution {
  /** What keeps commands to these participants from being signed, or their replies from being checked: one sentence for each. */
  orchestratorFaults(participants: Iterable<string>): readonly string[];
  signCommand(command: Outgoing, participant: string): Outgoing;
  /** An answer to the start of a client whose start was signed. */
  signAnswer(answer: Outgoing, client: string): Outgoing;
  /** Who signed it. Whether that participant had to answer is known only with the saga at hand: see {@link Attribution}. */
  judgeReply(message: Message): Judgement;
  judgeStart(message: Message): Judgement;
  /** Whether what is not signed is put aside in this queue, as far as this side knows. */
  refusesUnsigned(queue: string): boolean;
}

/** Whose replies count. */
export interface Attribution {
  /** Why a reply signed by `by` (`undefined`: by nobody) is none to a command that went to this participant; `undefined`: it is one. */
  strangerFault(by: string | undefined, participant: string): { readonly fault: SignatureFault; readonly reason: string } | undefined;
}

/** A participant's side. Nothing here throws for a message. */
export interface ParticipantSigning {
  /** What keeps commands to these participants from being checked, or their replies from being signed: one sentence for each. */
  participantFaults(participants: Iterable<string>): readonly string[];
  signReply(reply: Outgoing, participant: string): Outgoing;
  judgeCommand(message: Message, participant: string): Judgement;
}
