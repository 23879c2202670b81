import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Plan } from '../../../src/core/plan.js';
import { statusOf, stuckSteps } from '../../../src/core/state.js';
import { planFrom, type StepSpec } from '../../support/plans.js';
import { World, type Move, type Script } from '../../support/world.js';

interface Case {
  readonly plan: Plan;
  readonly scripts: ReadonlyMap<string, Script>;
  readonly moves: readonly Move[];
}

const throws = () => {
  throw new Error('a builder that throws');
};
/** Any legal shape: compensatable, read-only and check steps with any edges, then perhaps a pivot after all, then retriables after it. */
const shapes = fc
  .record({
    before: fc.array(
      fc.record({
        kind: fc.constantFrom('step', 'step', 'step', 'read', 'check'),
        edges: fc.array(fc.nat(20), { maxLength: 3 }),
        all: fc.boolean(),
        skip: fc.boolean(),
        passes: fc.boolean(),
        broken: fc.nat(9),
      }),
      { maxLength: 5 },
    ),
    pivot: fc.boolean(),
    after: fc.array(fc.record({ edges: fc.array(fc.nat(20), { maxLength: 2 }), skip: fc.boolean() }), { maxLength: 3 }),
    order: fc.constantFrom('reverse' as const, 'by-dependency' as const),
    attempts: fc.integer({ min: 1, max: 3 }),
    deadlineMs: fc.option(fc.integer({ min: 1_000, max: 100_000 }), { nil: undefined }),
  })
  .map(({ before, pivot, after, order, attempts, deadlineMs }) => {
    const steps: StepSpec[] = before.map((spec, index) => ({
      name: `s${index}`,
      kind: spec.kind === 'check' ? 'check' : 'step',
      compensate: spec.kind === 'step',
      attempts,
      undoAttempts: 3,
      ...(spec.all || index === 0 ? {} : { needs: [...new Set(spec.edges.map((edge) => `s${edge % index}`))] }),
      when: () => !spec.skip,
      passes: () => spec.passes,
      ...(spec.broken === 0 ? { request: throws } : spec.broken === 1 ? { undoRequest: throws } : {}),
    }));
    if (pivot || steps.length === 0) {
      steps.push({ name: 'go', kind: 'pivot', attempts });
      after.forEach((spec, index) => {
        const earlier = ['go', ...after.slice(0, index).map((_, k) => `r${k}`)];
        steps.push({
          name: `r${index}`,
          kind: 'retriable',
          attempts: 3,
          needs: ['go', ...spec.edges.map((edge) => earlier[edge % earlier.length]!)],
          when: () => !spec.skip,
        });
      });
    }
    return planFrom({ steps, compensationOrder: order, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
  });

const script = (kind: string): fc.Arbitrary<Script> =>
  fc.record({
    action:
      kind === 'retriable'
        ? fc.constantFrom('succeeds', 'succeeds', 'succeeds', 'errors')
        : fc.constantFrom('succeeds', 'succeeds', 'succeeds', 'rejects', 'unusable', 'errors'),
    errors: fc.nat(2),
    undoErrors: fc.nat(4),
  });
const moves = fc.array(
  fc.record({
    what: fc.constantFrom<Move['what']>(
      'command',
      'command',
      'command',
      'command',
      'reply',
      'reply',
      'reply',
      'reply',
      'due',
      'lose-command',
      'lose-reply',
      'repeat-command',
      'repeat-reply',
      'crash',
      'zombie',
      'cancel',
      'suspend',
      'resume',
      'wipe',
    ),
    which: fc.nat(50),
  }),
  { maxLength: 60 },
);
const cases: fc.Arbitrary<Case> = shapes.chain((plan) =>
  fc.record({
    plan: fc.constant(plan),
    scripts: fc
      .tuple(...plan.steps.map((step) => script(step.kind)))
      .map((all) => new Map(plan.steps.map((step, index) => [step.name, all[index]!]))),
    moves,
  }),
);

function run({ plan, scripts, moves: all }: Case): World {
  const world = new World(plan, scripts);
  for (const move of all) world.move(move);
  world.calmDown();
  return world;
}
/** 1,000 for each property in the suite; more by FAST_CHECK_RUNS. The seed of a failure is printed by fast-check. */
const RUNS = Number(globalThis.process.env['FAST_CHECK_RUNS'] ?? 1_000);
const check = (property: (world: World) => void) =>
  fc.assert(
    fc.property(cases, (each) => property(run(each))),
    { numRuns: RUNS },
  );

/** Every sentence here is a broken promise; the tests expect none. */
const broken = {
  endings(world: World): readonly string[] {
    const status = statusOf(world.state);
    const silent = stuckSteps(world.state).filter((each) => each.message === '');
    return [
      ...world.faults,
      ...(['completed', 'compensated', 'stuck'].includes(status) ? [] : [`it came to rest as ${status}`]),
      ...silent.map((each) => `${each.step} is stuck without a reason`),
      ...(status === 'compensated' && world.state.reason === null ? ['compensated without a reason'] : []),
    ];
  },
  allOrNothing(world: World): readonly string[] {
    return world.plan.steps.flatMap((step) => {
      if (step.kind === 'check') return [];
      const { effects, undone } = world.ledger(step.name);
      const found = `${step.name}: ${effects} effects, ${undone} undone, saga ${world.state.end}`;
      const wanted = world.state.steps[step.name]?.outcome === 'skipped' ? 0 : 1;
      if (world.state.end === 'completed' && (effects !== wanted || undone !== 0)) return [found];
      const counts = step.kind !== 'step' || step.compensation !== undefined;
      return world.state.end === 'compensated' && counts && effects !== undone ? [found] : [];
    });
  },
  order(world: World): readonly string[] {
    if (world.plan.compensationOrder === 'by-dependency') {
      return world.undoOrder.flatMap((name, place) => {
        const index = world.plan.steps.findIndex((step) => step.name === name);
        const dependents = world.undoOrder
          .slice(place + 1)
          .filter((later) => world.plan.steps.find((step) => step.name === later)!.ancestors.includes(index));
        return dependents.map((later) => `${name} was undone before ${later}`);
      });
    }
    // Read from the history alone: the order in which actions settled, first mention of each.
    const settled: string[] = [];
    for (const effect of world.history.flatMap((entry) => entry.effects)) {
      if ((effect.do === 'succeeded' || effect.do === 'unknown') && !settled.includes(effect.step)) settled.push(effect.step);
    }
    const expected = settled.reverse().filter((name) => world.undoOrder.includes(name));
    return expected.join() === world.undoOrder.join() ? [] : [`undone ${world.undoOrder.join()}, settled in reverse ${expected.join()}`];
  },
  commands(world: World): readonly string[] {
    const sent = world.history.flatMap((entry) => entry.effects).filter((effect) => effect.do === 'sent');
    return world.plan.steps.flatMap((step) => {
      const at = world.state.steps[step.name];
      const phases = sent.filter((effect) => effect.step === step.name).map((effect) => effect.phase);
      return [
        ...(step.kind !== 'step' && phases.includes('c') ? [`${step.kind} ${step.name} was compensated`] : []),
        ...(step.kind !== 'pivot' && phases.includes('f') ? [`${step.kind} ${step.name} was fenced`] : []),
        ...(step.kind === 'pivot' && at?.outcome === 'unknown' ? [`the pivot was given up as unknown`] : []),
        ...(step.kind === 'step' && step.compensation && at?.outcome === 'unknown' && world.state.end && at.undone !== 'undone'
          ? [`${step.name} is unknown and was not undone`]
          : []),
      ];
    });
  },
};

describe('any saga, in a world that loses, repeats, reorders and crashes', () => {
  it('[A3 A8 B10 B11 C11] ends, or is stuck with a reason, and nothing forbidden happens on the way', () => {
    check((world) => expect(broken.endings(world)).toEqual([]));
  });
  it('[A12 B8 C11] is all or nothing at its end', () => {
    check((world) => expect(broken.allOrNothing(world)).toEqual([]));
  });
  it('[A11 B16] undoes in the exact reverse of settling, or no step before those that depend on it', () => {
    check((world) => expect(broken.order(world)).toEqual([]));
  });
  it('undoes unknown actions, fences an unknown pivot and never compensates it', () => {
    check((world) => expect(broken.commands(world)).toEqual([]));
  });
  it('meets everything that matters often enough to mean something', () => {
    const seen = new Map<string, number>();
    const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
    check((world) => {
      count(statusOf(world.state));
      for (const entry of world.history) {
        count(entry.event);
        for (const effect of entry.effects) count(effect.do === 'sent' ? `sent ${effect.phase}` : effect.do);
      }
    });
    const wanted = [
      'completed',
      'compensated',
      'stuck',
      'timed-out',
      'late-reply',
      'duplicate-reply',
      'turned-forward',
      'unknown',
      'dropped',
      'undone',
      'sent f',
      'sent c',
      'backoff-over',
      'resumed',
      'deadline-reached',
    ];
    expect(wanted.filter((what) => (seen.get(what) ?? 0) < 3)).toEqual([]);
  });
});
