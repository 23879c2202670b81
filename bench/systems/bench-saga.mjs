// The same workload in Backstep: three sequential steps (or several parallel ones), a trivial handler each, compensations.
import { Saga, SagaDefinition, command, contract, typed } from '../../dist/src/index.js';

const NAMES = ['order', 'stock', 'card'];
/** Commands in one message, for participants that take batches. */
const BATCH = 50;

/**
 * The contracts of the three participants. `none`: they keep no database. `inbox`: the SDK's inbox. `batch`, `batch-none`: the same two with
 * several commands in one message.
 */
export function contractsFor(participants) {
  const inbox = participants === 'inbox' || participants === 'batch';
  const options = {
    inbox,
    ...(participants.startsWith('batch') && { batch: BATCH }),
  };
  const commands = () => ({
    // Handlers without a database keep no state: their "no" follows from the request alone, and what is declined needs no undoing.
    act: command({ request: typed(), reply: typed(), rejections: ['declined'], idempotent: !inbox }),
    undo: command({ request: typed() }),
  });
  return NAMES.map((name) => contract(name, commands(), options));
}

/** `parallel`: so many steps at once over the three participants. `timeout`: of a step, for sagas that are to stay in flight. */
export function sagaFor(contracts, { parallel, timeout } = {}) {
  const [order, stock, card] = contracts;
  const step = (participant) => ({
    request: ({ input }) => input,
    compensate: { command: participant.undo, request: ({ input }) => input },
    ...(timeout && { timeout }),
  });
  class Sequential extends SagaDefinition {
    reserve = this.step(order.act, step(order));
    pick = this.step(stock.act, step(stock));
    charge = this.step(card.act, step(card));
  }
  class Parallel extends SagaDefinition {
    constructor() {
      super();
      for (let n = 0; n < parallel; n++) {
        const participant = contracts[n % contracts.length];
        this[`step${n + 1}`] = this.step(participant.act, { ...step(participant), after: [] });
      }
    }
  }
  const definition = parallel ? Parallel : Sequential;
  Saga({ name: 'bench', version: 1 })(definition);
  return definition;
}
