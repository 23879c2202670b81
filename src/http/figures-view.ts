import type { Plan } from '../core/plan.js';
import type { StepFigures, TryFigures, VersionFigures } from '../ports/saga-figures.js';
import type { Figures } from './figures-reading.js';
import type { FiguresView } from './schemas-figures.js';
import { iso } from './time.js';

type StepView = FiguresView['definitions'][number]['steps'][number];
type ParticipantView = FiguresView['participants'][number];

const NONE: TryFigures = { tries: 0, errors: 0 };

/** Of these definitions alone; a step that was never reached has its place too. */
export function figuresView({ at, limit, versions }: Figures, plans: readonly Plan[]): FiguresView {
  const found = plans.map((plan) => ({ plan, figures: versions.find((one) => one.name === plan.name && one.version === plan.version) }));
  const sorted = found.toSorted(({ plan: one }, { plan: other }) => one.name.localeCompare(other.name) || one.version - other.version);
  return {
    at: iso(at),
    of: limit,
    definitions: sorted.map(({ plan, figures }) => ({
      name: plan.name,
      version: plan.version,
      sagas: figures?.sagas ?? 0,
      steps: plan.steps.map(({ name }) => stepView(name, stepOf(figures, name))),
    })),
    participants: participantsOf(sorted),
  };
}

function stepOf(figures: VersionFigures | undefined, name: string): StepFigures | undefined {
  return figures?.steps.find(({ step }) => step === name);
}

function stepView(name: string, figures: StepFigures | undefined): StepView {
  const { settled = 0, rejected = 0, unknown = 0, p50Ms = null, p95Ms = null, actions = NONE, undos = NONE } = figures ?? {};
  const failureRate = shareOf(rejected + unknown, settled);
  return { name, settled, rejected, unknown, failureRate, p50Ms, p95Ms, action: triesView(actions), compensation: triesView(undos) };
}

function participantsOf(found: readonly { readonly plan: Plan; readonly figures: VersionFigures | undefined }[]): ParticipantView[] {
  const all = new Map<string, TryFigures & { readonly rejected: number }>();
  const add = (participant: string, { tries, errors }: TryFigures, rejected: number) => {
    const before = all.get(participant) ?? { ...NONE, rejected: 0 };
    all.set(participant, { tries: before.tries + tries, errors: before.errors + errors, rejected: before.rejected + rejected });
  };
  for (const { plan, figures } of found) {
    for (const step of plan.steps) {
      if (step.kind === 'check') continue;
      const of = stepOf(figures, step.name);
      add(step.action.participant, of?.actions ?? NONE, of?.rejected ?? 0);
      if (step.compensation) add(step.compensation.participant, of?.undos ?? NONE, 0);
    }
  }
  return [...all.keys()].toSorted().map((name) => {
    const { rejected, ...tries } = all.get(name)!;
    return { name, ...triesView(tries), rejected };
  });
}

function triesView({ tries, errors }: TryFigures) {
  return { tries, errors, errorRate: shareOf(errors, tries) };
}

function shareOf(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
