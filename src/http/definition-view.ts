import type { Plan, PlanCommand, PlanStep } from '../core/plan.js';
import type { DefinitionStepView, DefinitionView } from './schemas.js';

/** A loaded definition with its graph. */
export function definitionView(plan: Plan): DefinitionView {
  const nameAt = (index: number) => plan.steps[index]!.name;
  return {
    name: plan.name,
    version: plan.version,
    fingerprint: plan.fingerprint,
    deadlineMs: plan.deadlineMs ?? null,
    compensationOrder: plan.compensationOrder,
    retention: { ...plan.retention },
    steps: plan.steps.map((step) => stepView(step, nameAt)),
    edges: plan.steps.flatMap((step) => step.needs.map((index) => ({ from: nameAt(index), to: step.name }))),
  };
}

function stepView(step: PlanStep, nameAt: (index: number) => string): DefinitionStepView {
  const placed = {
    name: step.name,
    kind: step.kind,
    needs: step.needs.map(nameAt),
    uses: Object.fromEntries(Object.entries(step.uses).map(([argument, index]) => [argument, nameAt(index)])),
    conditional: step.when !== undefined,
  };
  if (step.kind === 'check') return { ...placed, code: step.code };
  return {
    ...placed,
    action: commandView(step.action),
    ...(step.compensation ? { compensation: commandView(step.compensation) } : {}),
  };
}

function commandView({ participant, type, timeoutMs, retry, rejections, inbox, idempotent }: PlanCommand) {
  return { participant, command: type, timeoutMs, retry: { ...retry }, rejections: [...rejections], inbox, idempotent };
}
