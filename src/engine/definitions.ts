import { SagaError } from '../core/errors.js';
import { hasSensitiveParts, type Plan, type PlanCommand } from '../core/plan.js';
import type { DefinitionRef } from '../ports/saga-store.js';
import type { PayloadSealing } from '../ports/sealing.js';

/** The plans that are loaded, by name and version. */
export class Definitions {
  readonly all: readonly Plan[];
  readonly refs: readonly DefinitionRef[];
  private readonly byName = new Map<string, Map<number, Plan>>();

  constructor(plans: readonly Plan[]) {
    this.all = plans.toSorted((a, b) => (a.name === b.name ? a.version - b.version : a.name < b.name ? -1 : 1));
    this.refs = this.all.map(({ name, version }) => ({ name, version }));
    for (const plan of this.all) {
      const versions = this.byName.get(plan.name) ?? new Map<number, Plan>();
      if (versions.has(plan.version)) {
        throw new SagaError('SAGA_DEFINITION_INVALID', `${plan.name} version ${plan.version} is loaded twice`);
      }
      this.byName.set(plan.name, versions.set(plan.version, plan));
    }
  }

  get(name: string, version: number): Plan | undefined {
    return this.byName.get(name)?.get(version);
  }

  /** The plan for a start: the newest version when none is named. Throws SAGA_UNKNOWN_DEFINITION. */
  forStart(name: string, version: number | undefined): Plan {
    const versions = this.byName.get(name);
    if (!versions) throw new SagaError('SAGA_UNKNOWN_DEFINITION', `no saga named '${name}' is loaded; loaded: ${this.names()}`);
    const plan = version === undefined ? [...versions.values()].at(-1) : versions.get(version);
    if (plan) return plan;
    const loaded = [...versions.keys()].join(', ');
    throw new SagaError('SAGA_UNKNOWN_DEFINITION', `'${name}' has no version ${version} here; loaded: ${loaded}`);
  }

  /** Every participant that the plans send commands to. */
  participants(): ReadonlySet<string> {
    return new Set(this.all.flatMap((plan) => commandsOf(plan).map(({ participant }) => participant)));
  }

  private names(): string {
    return [...this.byName.keys()].join(', ') || 'none';
  }
}

/** Plans whose sensitive parts are sealed, where there are keys. */
export function sealedPlans(plans: readonly Plan[], sealing: PayloadSealing | undefined): readonly Plan[] {
  return sealing ? plans.map((plan) => (hasSensitiveParts(plan) ? { ...plan, sealing: sealing.vaultFor } : plan)) : plans;
}

function commandsOf(plan: Plan): PlanCommand[] {
  const commands: PlanCommand[] = [];
  for (const step of plan.steps) {
    if (step.kind === 'check') continue;
    commands.push(step.action);
    if (step.compensation) commands.push(step.compensation);
  }
  return commands;
}
