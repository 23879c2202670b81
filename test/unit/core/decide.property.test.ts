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
/** 2,000 in the suite; more by FAST_CHECK_RUNS. The seed of a failure is printed by fast-check. */
const RUNS = Number(globalThis.process.env['FAST_CHECK_RUNS'] ?? 2_000);
const check = (property: (world: World) => void) =>
  fc.assert(
    fc.property(cases, (each) => property(run(each))),
    { numRuns: RUNS },
  );

describe('any saga, in a world that loses, repeats, reorders and crashes', () => {
  it('ends, or is stuck with a reason, and nothing forbidden happens on the way', () => {
    check((world) => {
      expect(world.faults).toEqual([]);
      const status = statusOf(world.state);
      expect(['completed', 'compensated', 'stuck']).toContain(status);
      if (status === 'stuck') for (const each of stuckSteps(world.state)) expect(each.message).not.toBe('');
      if (status === 'compensated') expect(world.state.reason).not.toBeNull();
    });
  });
  it('is all or nothing at its end', () => {
    check((world) => {
      for (const step of world.plan.steps) {
        if (step.kind === 'check') continue;
        const { effects, undone } = world.ledger(step.name);
        if (world.state.end === 'completed')
          expect([step.name, effects, undone]).toEqual([step.name, world.state.steps[step.name]!.outcome === 'skipped' ? 0 : 1, 0]);
        if (world.state.end === 'compensated' && (step.kind !== 'step' || step.compensation))
          expect([step.name, effects]).toEqual([step.name, undone]);
      }
    });
  });
  it('undoes in the exact reverse of settling, or no step before those that depend on it', () => {
    check((world) => {
      if (world.plan.compensationOrder === 'by-dependency') {
        world.undoOrder.forEach((name, place) => {
          const index = world.plan.steps.findIndex((step) => step.name === name);
          for (const later of world.undoOrder.slice(place + 1))
            expect(world.plan.steps.find((step) => step.name === later)!.ancestors).not.toContain(index);
        });
        return;
      }
      // Read from the history alone: the order in which actions settled, first mention of each.
      const settledOrder: string[] = [];
      for (const effect of world.history.flatMap((entry) => entry.effects)) {
        if ((effect.do === 'succeeded' || effect.do === 'unknown') && !settledOrder.includes(effect.step)) settledOrder.push(effect.step);
      }
      const expected = settledOrder.reverse().filter((name) => world.undoOrder.includes(name));
      expect(world.undoOrder).toEqual(expected);
    });
  });
  it('sends nothing of an unknown action’s saga forward, fences an unknown pivot and never compensates it', () => {
    check((world) => {
      const sent = world.history.flatMap((entry) => entry.effects).filter((effect) => effect.do === 'sent');
      for (const step of world.plan.steps) {
        const at = world.state.steps[step.name];
        if (step.kind !== 'step') expect(sent.some((effect) => effect.step === step.name && effect.phase === 'c')).toBe(false);
        if (step.kind !== 'pivot') expect(sent.some((effect) => effect.step === step.name && effect.phase === 'f')).toBe(false);
        if (step.kind === 'pivot') expect(at?.outcome).not.toBe('unknown');
        if (step.kind === 'step' && step.compensation && at?.outcome === 'unknown' && world.state.end) expect(at.undone).toBe('undone');
      }
    });
  });
});
