import type { PrivateRabbit, PrivateServer } from '../../support/private-servers.mjs';
import type { Proxy } from './proxy.js';

/** A process of the installation: a daemon, or one that hosts participants. */
export interface Actor {
  /** E.g. `daemon-1`. */
  readonly name: string;
  readonly role: 'daemon' | 'participants';
  /** `kill -9`; resolves when it is gone. It stays away until `start`. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it has ended. It stays away until `start`. */
  terminate(): Promise<void>;
  /** Does not wait until it serves. */
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** Blocks its event loop, or moves its wall clock: see `misbehave.ts`. */
  misbehave(order: Misbehaviour): void;
}
export type Misbehaviour = { readonly blockMs: number } | { readonly skewMs: number };

/** The way of one process to one server. */
export interface Link {
  /** E.g. `daemon-1/rabbitmq`. */
  readonly name: string;
  readonly owner: Actor;
  readonly to: 'postgres' | 'rabbitmq';
  readonly proxy: Proxy;
}

/** Everything the nemesis may lay hands on. */
export interface Scene {
  readonly actors: readonly Actor[];
  readonly links: readonly Link[];
  readonly database: PrivateServer;
  readonly broker: PrivateRabbit;
  readonly namespace: string;
  /** Wire names of the participants whose queues may be treated badly. */
  readonly participants: readonly string[];
  /** Schemas in which participants keep their inbox and their tables. */
  readonly schemas: readonly string[];
  /** Name of a saga that exists, for forged starts. */
  readonly saga: string;
  /** Counts a message that nobody can understand and that has to be among the dead letters in the end. */
  injected(count: number): void;
}
