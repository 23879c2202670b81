import { Saga, SagaDefinition } from 'backstep';
import { z } from 'zod';
import { Captain, Customs, KINDS, Quay } from './contracts.js';

const Order = z.object({ crossing: z.string(), kind: z.enum(KINDS) });
interface Order extends z.infer<typeof Order> {}

/**
 * A saga for the crash points that ordinary ones seldom pass. What its input says:
 * `fine`: it goes through. `refused`: the customs say no. `clash`: the quay's transaction meets a serialization failure.
 * `never`: the quay fails whenever it is asked, so that what is undone never was. `fenced`: the captain does, so that the pivot is
 * fenced. `asleep`: the captain takes longer than the pivot's timeout, so that he is asked again for what he has done.
 */
@Saga({ name: 'crossing', version: 1, input: Order, deadline: '2m' })
export class Crossing extends SagaDefinition<Order, Order> {
  hold = this.step(Quay.hold, {
    timeout: '5s',
    retry: { attempts: 2, backoff: { initial: '100ms', max: '200ms' } },
    request: ({ input }) => input,
    compensate: {
      command: Quay.letGo,
      request: ({ own }) => own.request,
      timeout: '5s',
      retry: { backoff: { initial: '100ms', max: '500ms' } },
    },
  });

  stamp = this.step(Customs.stamp, {
    timeout: '5s',
    retry: { attempts: 4, backoff: { initial: '100ms', max: '200ms' } },
    request: ({ input }) => input,
    compensate: {
      command: Customs.tearUp,
      request: ({ own }) => own.request,
      timeout: '5s',
      retry: { backoff: { initial: '100ms', max: '500ms' } },
    },
  });

  sail = this.pivot(Captain.sail, {
    timeout: '600ms',
    retry: { attempts: 3, backoff: { initial: '100ms', max: '200ms' } },
    request: ({ input }) => input,
  });

  greet = this.retriable(Captain.greet, { timeout: '5s', request: ({ input }) => input });
}
