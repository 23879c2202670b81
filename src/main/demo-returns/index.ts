import { command, contract } from '../../saga/contract.js';
import { SagaDefinition } from '../../saga/definition.js';
import { participant } from '../../saga/participant.js';
import { Saga } from '../../saga/saga.js';
import { typed } from '../../saga/schema.js';

interface Return {
  readonly returnId: string;
  readonly item: string;
}
const aReturn = typed<Return>();

/** What comes back is looked at, and put on its shelf again. Some shelves are locked. */
const ReturnsDesk = contract('returns-desk', {
  register: command({ request: aReturn }),
  forget: command({ request: aReturn }),
  refund: command({ request: aReturn }),
  restock: command({ request: aReturn }),
});
/** Nobody hosts it in the demo: what is sent there waits. */
const Vans = contract('vans', {
  collect: command({ request: aReturn }),
  callOff: command({ request: aReturn }),
});

/** The demo's own trouble: returns that wait for a van that never comes, and returns that get stuck. */
@Saga({ name: 'return-parcel', version: 1 })
export class ReturnParcel extends SagaDefinition<Return> {
  register = this.step(ReturnsDesk.register, {
    request: ({ input }) => input,
    compensate: { command: ReturnsDesk.forget, request: ({ own }) => own.request },
  });

  collect = this.step(Vans.collect, {
    when: ({ input }) => input.item === 'oak table',
    timeout: '1h',
    request: ({ input }) => input,
    compensate: { command: Vans.callOff, request: ({ own }) => own.request },
  });

  refund = this.pivot(ReturnsDesk.refund, { request: ({ input }) => input });

  restock = this.retriable(ReturnsDesk.restock, {
    retry: { attempts: 3, backoff: { initial: '500ms', max: '1s' } },
    request: ({ input }) => input,
  });
}

export const returnsDesk = participant(ReturnsDesk, {
  register: async () => {},
  forget: async () => {},
  refund: async () => {},
  restock: async ({ item }) => {
    if (item === 'raku teapot') throw new Error('the shelf for signed pottery is locked; only the curator has the key');
  },
});
