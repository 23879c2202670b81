import { Saga, SagaDefinition } from 'backstep';
import { Courier, Till, Warehouse } from './contracts.js';
import type { Order } from './inputs.js';

const PATIENT = { timeout: '20s', retry: { attempts: 12, backoff: { initial: '100ms', factor: 2, max: '2s' } } } as const;
const STUBBORN = { timeout: '20s', retry: { attempts: 200, backoff: { initial: '100ms', factor: 2, max: '2s' } } } as const;
const scriptOf = (step: string) => (given: { readonly input: Order }) => ({ script: given.input.scripts[step] ?? {} });

@Saga({ name: 'lab-order', version: 1 })
export class LabOrder extends SagaDefinition<Order> {
  stock = this.step(Warehouse.act, {
    ...PATIENT,
    request: scriptOf('stock'),
    compensate: { ...STUBBORN, command: Warehouse.undo, request: scriptOf('stock') },
  });
  courier = this.step(Courier.act, {
    ...PATIENT,
    after: [],
    request: scriptOf('courier'),
    compensate: { ...STUBBORN, command: Courier.undo, request: scriptOf('courier') },
  });
  charge = this.pivot(Till.act, { ...PATIENT, request: scriptOf('charge') });
  dispatch = this.retriable(Courier.finish, { ...STUBBORN, after: this.charge, request: scriptOf('dispatch') });
  letter = this.retriable(Warehouse.finish, { ...STUBBORN, after: this.charge, request: scriptOf('letter') });
}
