import { createRoute } from '@hono/zod-openapi';
import { planCancel } from '../../core/cancel-plan.js';
import { SagaError } from '../../core/errors.js';
import type { Plan } from '../../core/plan.js';
import { NotOpened } from '../../core/sealing.js';
import type { SagaState } from '../../core/state.js';
import type { HttpApp, HttpContext } from '../context.js';
import * as find from '../schemas-find.js';
import * as schema from '../schemas.js';
import { answer, refusals } from './answers.js';
import { planOf } from './sagas.js';

const cancelPlan = createRoute({
  method: 'get',
  path: '/api/v1/sagas/{id}/cancel-plan',
  summary: 'What a cancel would send, in order, before anyone sends it',
  request: { params: schema.SagaParams },
  responses: { 200: answer(find.CancelPlanSchema, 'The plan, or why there is none'), ...refusals },
});

/** What a cancel would do. Does nothing. */
export function addCancelPlanRoute(app: HttpApp, { service, store }: HttpContext): void {
  app.openapi(cancelPlan, async (c) => {
    const { id } = c.req.valid('param');
    const saga = await store.find(id);
    if (!saga) throw new SagaError('SAGA_NOT_FOUND', `there is no saga ${id}`);
    return c.json(
      opened(() => cancelPlanView(saga.state, planOf(service, saga))),
      200,
    );
  });
}

/** What would be sent can only be told by somebody who can open what it is made of. */
function opened<T>(view: () => T): T {
  try {
    return view();
  } catch (error: unknown) {
    throw error instanceof NotOpened ? new SagaError('SAGA_PAYLOAD_KEY_MISSING', error.message, [], { cause: error }) : error;
  }
}

function cancelPlanView(state: SagaState, plan: Plan | undefined): find.CancelPlanView {
  const not = (why: string) => ({ possible: false, why, notes: [], commands: [], kept: [] });
  if (!plan) return not(`${state.name} version ${state.version} is not loaded here; ask a daemon that has it`);
  const planned = planCancel(plan, state);
  if (!planned.possible) return not(planned.why);
  const commands = planned.commands.map(({ isOpen, request, ...command }) => ({
    ...command,
    open: isOpen,
    ...(request === undefined ? {} : { request }),
  }));
  return { possible: true, notes: [...planned.notes], commands, kept: [...planned.kept] };
}
