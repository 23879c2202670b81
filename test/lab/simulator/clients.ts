import { decodeStartAnswer, encodeStart } from '../../../src/core/codec-starts.js';
import { SagaError } from '../../../src/core/errors.js';
import { stuckSteps } from '../../../src/core/state.js';
import type { Orchestrator } from '../../../src/engine/orchestrator.js';
import type { Operated, OperatorEvent } from '../../../src/engine/service.js';
import type { Chance } from '../kit/chance.js';
import type { Life } from './life.js';
import { inputOf, type SagaScript } from './random-sagas.js';
import { NAMES } from './scene.js';
import type { World } from './world.js';

const CALL_TIMEOUT_MS = 15_000;
const ANSWERS = 'sim.answers';

/** What the outside knows of one saga. */
export interface Known {
  readonly script: SagaScript;
  /** As every answer said. */
  id: string | undefined;
  /** A cancel that an engine took, or may have taken. */
  cancel: 'none' | 'refused' | 'unknown' | 'decided' | 'undecided';
  isRetried: boolean;
}

/** Those who start sagas and decide about them: they never forget an answer, and ask again until they have one. */
export class Clients {
  readonly known = new Map<number, Known>();
  /** Numbers of the sagas whose rows are written. */
  private readonly written = new Set<number>();
  private readonly chance: Chance;
  private life: Life | undefined;

  constructor(private readonly world: World) {
    this.chance = world.chance.fork('clients');
    world.add('client', (life) => this.boot(life));
  }

  /** Everything that the scripts want of them. */
  schedule(): void {
    for (const script of this.world.of.scripts) {
      const known: Known = { script, id: undefined, cancel: 'none', isRetried: false };
      this.known.set(script.n, known);
      for (let client = 0; client < script.clients; client++) {
        this.world.time.after(script.startAt + client * 3, () => this.start(known));
      }
      if (script.cancelAt !== undefined) this.world.time.after(script.startAt + script.cancelAt, () => this.cancel(known));
      if (script.suspendAt !== undefined) this.world.time.after(script.startAt + script.suspendAt, () => this.suspend(known));
    }
  }

  get areAnswered(): boolean {
    for (const { id } of this.known.values()) if (id === undefined) return false;
    return true;
  }

  // ---- starting

  private async boot(life: Life): Promise<void> {
    this.life = life;
    const transport = this.world.connect(life);
    await transport.declare({ exchanges: [], queues: [{ name: ANSWERS }], bindings: [] });
    await transport.consume(ANSWERS, { prefetch: 100 }, (deliveries) => {
      for (const delivery of deliveries) {
        const read = decodeStartAnswer(delivery.message);
        if (read.ok) {
          const n = Number(read.correlationId.slice(2));
          if (read.answer.outcome === 'success') this.answered(this.known.get(n)!, read.answer.id);
          else if (read.answer.outcome === 'rejected' && read.answer.code !== 'SAGA_UNKNOWN_DEFINITION')
            this.world.violate('V2', `the start of saga ${n} was refused: ${read.answer.code} ${read.answer.message}`);
        }
        delivery.settle('done');
      }
    });
  }

  private start(known: Known): void {
    if (known.id !== undefined) return;
    if (known.script.via === 'wire') this.startOverWire(known);
    else if (known.script.via === 'row') this.startWithin(known);
    else this.startByCall(known);
  }

  /** A transaction of its own that commits: from then on the saga has to come, and come once. Only a key makes it safe to do that twice. */
  private startWithin(known: Known): void {
    const { script } = known;
    const { inner } = this.world.sagas;
    const { name, version, hasKey } = this.world.of.shapes[script.shape]!;
    if (this.written.has(script.n) && !hasKey) return;
    this.written.add(script.n);
    const id = this.world.nextId();
    const key = hasKey ? `k-${script.n}` : null;
    inner.incoming.add({ id, name, version, key, tags: {}, input: JSON.stringify(inputOf(script)), traceparent: null, tracestate: null });
    this.world.counters.add('start written within a transaction');
    const look = async (): Promise<void> => {
      const saga = key === null ? await inner.find(id) : await inner.findByKey(name, key);
      if (saga) this.answered(known, saga.state.id);
      else this.world.time.after(500, () => void look());
    };
    void look();
  }

  private startOverWire(known: Known): void {
    const { script } = known;
    const shape = this.world.of.shapes[script.shape]!;
    const start = encodeStart(
      {
        name: shape.name,
        version: shape.version,
        key: shape.hasKey ? `k-${script.n}` : undefined,
        startId: `n-${script.n}`,
        input: JSON.stringify(inputOf(script)),
        replyTo: ANSWERS,
        traceparent: undefined,
      },
      NAMES,
      { appId: 'client', now: this.world.time.now() },
    );
    const transport = this.world.transports.get('client');
    if (this.life && transport) void transport.publish([start]);
    this.world.time.after(10_000, () => this.start(known));
  }

  private startByCall(known: Known): void {
    const { world } = this;
    const { script } = known;
    const shape = world.of.shapes[script.shape]!;
    this.call(
      (service) =>
        service.start({
          name: shape.name,
          version: shape.version,
          input: inputOf(script),
          ...(shape.hasKey ? { key: `k-${script.n}` } : { startId: `n-${script.n}` }),
        }),
      (answer) => this.answered(known, answer.id),
      (error) => {
        if (error === 'nobody' || error === 'no answer' || MAY_TRY_AGAIN.includes(error.code)) {
          if (error !== 'nobody') world.counters.add(`start without an answer${error === 'no answer' ? '' : `: ${error.code}`}`);
          world.time.after(700, () => this.start(known));
        } else world.violate('V2', `the start of saga ${script.n} was refused: ${error.code} ${error.message}`);
      },
    );
  }

  private answered(known: Known, id: string): void {
    const { world } = this;
    if (known.id === undefined) world.trace(`saga ${known.script.n} (${world.of.shapes[known.script.shape]!.name}) is ${id}`);
    else {
      world.counters.add('start answered again');
      if (known.id !== id) world.violate('V2', `saga ${known.script.n} was started twice: ${known.id} and ${id}`);
    }
    known.id ??= id;
  }

  // ---- operators

  private cancel(known: Known): void {
    this.operate(known, { kind: 'cancel', by: 'ann', text: 'changed my mind' }, (answer) => {
      if (answer === 'unknown') known.cancel = 'unknown';
      else if (answer instanceof SagaError) {
        if (known.cancel === 'none') known.cancel = 'refused';
      } else known.cancel = answer.decided ? 'decided' : 'undecided';
      this.world.counters.add(`cancel ${known.cancel}`);
    });
  }

  private suspend(known: Known): void {
    const { world } = this;
    let looks = 5;
    let isSuspended = true;
    const resume = () =>
      this.operate(known, { kind: 'resume', by: 'ann', text: 'it may go on' }, (answer) => {
        if (answer === 'unknown') world.time.after(1_000, resume);
        else if (!(answer instanceof SagaError)) world.counters.add('resumed');
        // The suspension whose answer never came may still be on its way, in a process that is stopped.
        else if (!isSuspended && looks-- > 0) world.time.after(30_000, resume);
      });
    this.operate(known, { kind: 'suspend', by: 'ann', text: 'let me look' }, (answer) => {
      if (answer instanceof SagaError) return;
      isSuspended = answer !== 'unknown';
      world.counters.add('suspended');
      world.time.after(known.script.resumeAfter, resume);
    });
  }

  /** Tries again what is stuck, once for each saga whose script says so. Gives whether there was any. */
  retryStuck(): boolean {
    let any = false;
    for (const known of this.known.values()) {
      if (!known.script.isRetried || known.isRetried || known.id === undefined) continue;
      void this.world.sagas.inner.find(known.id).then((saga) => {
        for (const { step, phase } of saga ? stuckSteps(saga.state) : []) {
          if (phase === 'f') continue;
          known.isRetried = true;
          this.operate(known, { kind: 'retry', step, by: 'ann', text: 'repaired' }, (answer) => {
            if (answer !== 'unknown' && !(answer instanceof SagaError)) this.world.counters.add('stuck step retried');
          });
        }
      });
      any = true;
    }
    return any;
  }

  private operate(known: Known, event: OperatorEvent, then: (answer: Operated | SagaError | 'unknown') => void, tries = 1): void {
    const again = () => void this.world.time.after(900, () => this.operate(known, event, then, tries + 1));
    const { id } = known;
    if (id === undefined) return again();
    this.call(
      (service) => service.operate(id, event),
      then,
      (error) => {
        if (error === 'nobody') return again();
        if (error === 'no answer') return then('unknown');
        if (error.code === 'SAGA_UNAVAILABLE' || /not loaded here/.test(error.message)) return again();
        then(error.code === 'SAGA_STORE_UNKNOWN' ? 'unknown' : error);
      },
    );
  }

  /** Asks one of the engines, over a network that may lose question or answer. */
  private call<T>(
    ask: (service: Orchestrator) => Promise<T>,
    answered: (answer: T) => void,
    failed: (error: SagaError | 'nobody' | 'no answer') => void,
  ): void {
    const { world, chance } = this;
    const names = [...world.services.keys()].toSorted();
    if (names.length === 0) return void world.time.after(500, () => failed('nobody'));
    const name = chance.pick(names);
    const life = world.machine(name).life!;
    let isOver = false;
    const finish = (run: () => void) => {
      if (isOver) return;
      isOver = true;
      timeout.cancel();
      run();
    };
    const timeout = world.time.after(CALL_TIMEOUT_MS, () => finish(() => failed('no answer')));
    world.time.after(1 + chance.next(), () =>
      life.enter(() => {
        const service = world.services.get(name);
        if (!service) return;
        const back = (run: () => void) => world.time.after(1 + chance.next(), () => finish(run));
        ask(service).then(
          (answer) => back(() => answered(answer)),
          (error: unknown) => {
            if (!(error instanceof SagaError)) throw error;
            back(() => failed(error));
          },
        );
      }),
    );
  }
}

const MAY_TRY_AGAIN = ['SAGA_UNAVAILABLE', 'SAGA_STORE_UNKNOWN', 'SAGA_UNKNOWN_DEFINITION'];
