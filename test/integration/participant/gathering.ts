import { signal } from '../../contract/inbox.contract.js';
import type { Request } from './payments.js';
import { Step, type Stage } from './stage.js';

export const steps = (count: number, request: (index: number) => Request = (index) => ({ orderId: `o-${index}`, amount: index })) =>
  Array.from({ length: count }, (_, index) => new Step('charge', request(index)));

/** Holds the first command in its handler, so that what comes meanwhile makes one group; gives the release. */
export async function gathering(stage: Stage): Promise<() => void> {
  const [isIn, enter] = signal();
  const [mayGo, go] = signal();
  const before = stage.script.charge;
  const gate = new Step('charge', { orderId: 'gate', amount: 0 });
  stage.script.charge = async (request, context) => {
    if (request.orderId !== 'gate') return before?.(request, context);
    enter();
    return mayGo.then(() => undefined);
  };
  await stage.send(gate.action);
  await isIn;
  return go;
}
