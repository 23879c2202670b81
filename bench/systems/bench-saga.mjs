// The same workload in Backstep: three sequential steps, a trivial handler each, compensations for the first two.
import { Saga, SagaDefinition, command, contract, typed } from '../../dist/src/index.js';

/** The contracts of the three participants; without an inbox where the participants keep no database. */
export function contractsFor(participants) {
  const options = { inbox: participants === 'inbox' };
  const commands = () => ({
    act: command({ request: typed(), reply: typed(), rejections: ['declined'] }),
    undo: command({ request: typed() }),
  });
  return ['order', 'stock', 'card'].map((name) => contract(name, commands(), options));
}

export function sagaFor([order, stock, card]) {
  class BenchSaga extends SagaDefinition {
    reserve = this.step(order.act, undoable(order));
    pick = this.step(stock.act, undoable(stock));
    charge = this.step(card.act, undoable(card));
  }
  Saga({ name: 'bench', version: 1 })(BenchSaga);
  return BenchSaga;
}
const undoable = (participant) => ({
  request: ({ input }) => input,
  compensate: { command: participant.undo, request: ({ input }) => input },
});
