import { messageOf, SagaError } from '../core/errors.js';
import { traceField } from '../core/trace-context.js';
import { parseJson } from '../core/json.js';
import type { Names } from '../core/wire.js';
import type { Clock } from '../ports/clock.js';
import type { IncomingStart } from '../ports/incoming-starts.js';
import type { Logger } from '../ports/logger.js';
import type { Random } from '../ports/random.js';
import type { SagaStore } from '../ports/saga-store.js';
import type { Definitions } from './definitions.js';
import { EarliestTimer } from './earliest-timer.js';
import type { EngineObserver } from './observer.js';
import { backoffMs } from './pause.js';
import { letterFor } from './refused-start.js';
import type { StartRequest } from './service.js';
import type { EngineSettings } from './settings.js';
import type { Hash } from './starter.js';
import type { RowCaller, StartWork, Work } from './work.js';

export interface IncomingParts {
  readonly store: SagaStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observer: EngineObserver;
  readonly settings: EngineSettings;
  readonly definitions: Definitions;
  readonly names: Names;
  readonly hash: Hash;
  /** Throws a SagaError for a start that cannot be made. */
  readonly prepare: (request: StartRequest, sagaId: string) => Omit<StartWork, 'kind' | 'caller'>;
  /** Into the batches, with everything else that waits. */
  readonly add: (works: readonly Work[]) => void;
}

/** Between two looks for rows that nobody here can start. */
const STRANGERS_MS = 60_000;
/** A daemon that has the definition takes a row at once; one that waits for longer waits for a daemon that is not there. */
const STRANGER_AFTER_MS = 10_000;
/** How long a row is left alone over which the engine itself failed. */
const POSTPONE_MS = 60_000;

type Result = Parameters<RowCaller['answer']>[0];
interface Concluded {
  readonly row: IncomingStart;
  readonly result: Result;
}

/**
 * Takes the starts that clients wrote down within transactions of their own, and hands them to the batches.
 * Owns: when to look, and the rows that start nothing. Does not own: starting (the batches), nor which of several daemons starts a row (the
 * commit: the row is locked there, and goes with it).
 * Invariants: one look at a time, and at most one page of rows in hand; a row goes only when its saga is there, or a dead letter of it.
 */
export class Incoming {
  problem: string | undefined;
  private readonly postponed = new Map<string, number>();
  private readonly timer: EarliestTimer;
  private looking: Promise<void> | undefined;
  private hasArrived = false;
  private stopped = true;
  private failures = 0;
  private strangersAt = 0;
  private unwatch: () => Promise<void> = () => Promise.resolve();

  constructor(private readonly parts: IncomingParts) {
    this.timer = new EarliestTimer(parts.clock, () => this.fire());
  }

  start(): void {
    this.stopped = false;
    this.strangersAt = this.parts.clock.monotonic() + STRANGER_AFTER_MS;
    this.unwatch = this.parts.store.incoming.watch(() => this.arrived());
    this.schedule(0);
  }

  /** Takes no more rows. Resolves when those in hand are concluded: not before the batches are. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.timer.cancel();
    await Promise.all([this.unwatch(), this.looking]);
  }

  private arrived(): void {
    if (this.stopped) return;
    if (this.looking) this.hasArrived = true;
    // After a failure it is not asked in vain for every row.
    else if (this.failures === 0) this.schedule(0);
  }

  private schedule(ms: number): void {
    if (!this.stopped) this.timer.setIn(ms);
  }

  private fire(): void {
    if (this.stopped || this.looking) return;
    this.hasArrived = false;
    this.looking = this.look()
      .then(() => this.well())
      .catch((error: unknown) => this.failed(error))
      .then(() => {
        this.looking = undefined;
        this.schedule(this.nextIn());
      });
  }

  private nextIn(): number {
    const { random, settings } = this.parts;
    if (this.failures > 0) return backoffMs(this.failures, random, settings);
    return this.hasArrived ? 0 : settings.sweepMs;
  }

  /** All that is there, page by page. What cannot be concluded now is left for the next look, so that a look comes to an end. */
  private async look(): Promise<void> {
    const { store, settings, definitions } = this.parts;
    const { maxBatch: limit, limits } = settings;
    for (let after = ''; ;) {
      const page = { after, limit, versions: definitions.refs, inputLength: limits.payloadBytes + 1 };
      const rows = await store.incoming.read(page);
      // Stopped meanwhile: the batches take nothing more.
      if (this.stopped) return;
      await this.take(rows.filter(({ id }) => !this.isPostponed(id)));
      if (rows.length < limit || this.stopped) break;
      after = rows.at(-1)!.id;
    }
    await this.lookForStrangers();
  }

  private async take(rows: readonly IncomingStart[]): Promise<void> {
    if (rows.length === 0) return;
    const works: Work[] = [];
    const results = rows.map((row): Promise<Concluded> => {
      try {
        const prepared = this.prepared(row);
        return new Promise((resolve) => {
          works.push({ kind: 'start', ...prepared, caller: { via: 'row', answer: (result) => resolve({ row, result }) } });
        });
      } catch (error: unknown) {
        return Promise.resolve({ row, result: sagaError(error) });
      }
    });
    this.parts.add(works);
    await this.conclude(await Promise.all(results));
  }

  private prepared({ id, name, version, key, tags, input, traceparent, tracestate }: IncomingStart): Omit<StartWork, 'kind' | 'caller'> {
    if (!UUID_V7.test(id))
      throw new SagaError('SAGA_INPUT_INVALID', `${name} cannot be started as ${id}: its id has to be a UUID version 7`);
    const read = parseJson(input, 'input', this.parts.settings.limits);
    if (!read.ok) throw new SagaError('SAGA_INPUT_INVALID', `${name} cannot be started with this:`, read.faults);
    const request = {
      name,
      input: read.value,
      tags: tags as Readonly<Record<string, string>>,
      ...(version === null ? {} : { version }),
      ...(key === null ? {} : { key }),
      ...(traceparent === null ? {} : { traceparent }),
      ...(tracestate === null ? {} : { tracestate }),
    };
    return this.parts.prepare(request, id);
  }

  private async conclude(concluded: readonly Concluded[]): Promise<void> {
    const done: IncomingStart[] = [];
    const refused: { readonly row: IncomingStart; readonly error: SagaError }[] = [];
    let passing: SagaError | undefined;
    for (const { row, result } of concluded) {
      if (result === 'elsewhere') continue;
      if (!(result instanceof SagaError)) {
        // One that was begun took its row with it.
        if (result === 'exists' || !result.created) done.push(row);
      } else if (isLasting(result)) refused.push({ row, error: result });
      else {
        if (isOwn(result)) this.postpone(row, result);
        else passing = result;
      }
    }
    await this.putAside(refused);
    const ids = [...done, ...refused.map(({ row }) => row)].map(({ id }) => id);
    if (ids.length > 0) await this.parts.store.incoming.remove(ids);
    if (passing && !this.stopped) throw passing;
  }

  /** The letter is stored before the row goes, and is the same letter when that has to be done again. */
  private async putAside(refused: readonly { readonly row: IncomingStart; readonly error: SagaError }[]): Promise<void> {
    if (refused.length === 0) return;
    const { store, clock, hash, names, logger, observer } = this.parts;
    const letters = refused.map(({ row, error }) => letterFor(row, error.message, { now: clock.now(), hash, names }));
    await store.letters.add(letters);
    observer.deadLettersStored?.(letters.length);
    for (const [at, { row, error }] of refused.entries()) {
      const { queue, reason } = letters[at]!;
      observer.deadLettered?.({ queue, reason });
      const { id, name, key } = row;
      logger.error(
        { name, key, sagaId: id, ...traceField(row), code: error.code, error: error.message },
        'an incoming start was refused; it is among the dead letters',
      );
    }
  }

  private async lookForStrangers(): Promise<void> {
    const { clock, store, definitions, logger } = this.parts;
    if (clock.monotonic() < this.strangersAt) return;
    this.strangersAt = clock.monotonic() + STRANGERS_MS;
    for (const { name, version, count } of await store.incoming.strangers(definitions.refs, STRANGER_AFTER_MS))
      logger.warn({ name, version, count }, 'incoming starts wait for a daemon that has loaded their definition');
  }

  private isPostponed(id: string): boolean {
    const until = this.postponed.get(id);
    if (until === undefined) return false;
    if (until > this.parts.clock.monotonic()) return true;
    this.postponed.delete(id);
    return false;
  }
  private postpone(row: IncomingStart, error: SagaError): void {
    const { id, name, key } = row;
    this.postponed.set(id, this.parts.clock.monotonic() + POSTPONE_MS);
    const about = { name, key, sagaId: id, ...traceField(row), error: error.message };
    this.parts.logger.error(about, 'an incoming start cannot be made now; it is tried again in a minute');
  }

  private failed(error: unknown): void {
    this.failures += 1;
    const message = messageOf(error);
    if (!this.problem) this.parts.logger.error({ error: message }, 'incoming starts cannot be taken; it is tried again');
    this.problem = `incoming starts cannot be taken: ${message}`;
  }
  private well(): void {
    if (this.problem) this.parts.logger.info({}, 'incoming starts are taken again');
    this.problem = undefined;
    this.failures = 0;
  }
}

/** Partitions are ranges of ids, by the time in them. */
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Trying again changes nothing. An unknown definition may be known to the next daemon. */
function isLasting({ code }: SagaError): boolean {
  return code === 'SAGA_INPUT_INVALID' || code === 'SAGA_KEY_REUSED';
}

/** A trouble of this row alone, which may pass: the others need not wait for it. */
function isOwn({ code }: SagaError): boolean {
  return code === 'SAGA_INTERNAL' || code === 'SAGA_PAYLOAD_KEY_MISSING';
}

function sagaError(error: unknown): SagaError {
  return error instanceof SagaError ? error : new SagaError('SAGA_INTERNAL', messageOf(error), [], { cause: error });
}
