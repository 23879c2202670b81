import type { Names } from '../core/wire.js';
import type { Clock } from '../ports/clock.js';
import type { InboxStore } from '../ports/inbox.js';
import type { Logger } from '../ports/logger.js';
import type { PayloadSealing } from '../ports/sealing.js';
import type { ParticipantSigning, SignatureFault } from '../ports/signing.js';
import type { Transport } from '../ports/transport.js';
import type { Answer } from './answer.js';
import type { Ending } from './ending.js';
import type { HostSettings } from './settings.js';
import type { Task } from './task.js';
import type { ParticipantTracing } from './tracing.js';

/** What everything in here works with; the same for all participants of a host. */
export interface Runtime {
  /** `undefined`: nothing is recorded. */
  readonly store: InboxStore<unknown> | undefined;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: HostSettings;
  readonly names: Names;
  /** The longest horizon of the host and of its handlers: rows are kept at least this long. */
  readonly horizonMs: number;
  readonly observer: ParticipantObserver;
  /** `undefined`: messages are not signed. */
  readonly signing: ParticipantSigning | undefined;
  /** `undefined`: nothing that is sealed can be read here. */
  readonly sealing: PayloadSealing | undefined;
  readonly tracing: ParticipantTracing | undefined;
  /** Over when the process cannot wait for its handlers any longer. */
  readonly ending: Ending;
}

/** What a host tells of itself, for telemetry. Called synchronously after the fact; must be quick and must not throw. */
export interface ParticipantObserver {
  /** One transaction with the commands it settled. */
  groupCommitted?(group: { readonly participant: string; readonly commands: number; readonly ms: number }): void;
  /** A command got its answer; the reply is still to be published. */
  answered?(command: {
    readonly participant: string;
    readonly type: string;
    readonly outcome: Answer['outcome'];
    readonly code?: string;
  }): void;
  /** `fault`: why it was not trusted, if that is so. */
  deadLettered?(letter: { readonly queue: string; readonly reason: string; readonly fault?: SignatureFault | undefined }): void;
  /** A group was undone and its commands are tried one by one. */
  groupFailed?(group: { readonly participant: string; readonly commands: number; readonly why: string }): void;
}

/** What became of commands that were tried. */
export interface RunReport {
  readonly answered: readonly { readonly task: Task; readonly answer: Answer }[];
  /** Not answered: to be tried again, in this order. */
  readonly again: readonly Task[];
  /** The store could not be reached: wait before anything is tried again. */
  readonly unavailable?: unknown;
}
