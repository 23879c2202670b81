import { Saga, SagaDefinition } from 'backstep';
import type { Workshop } from '../effects.js';
import { Alpha, Beta, Gamma } from './contracts.js';
import { ATTEMPTS, STUCK_ATTEMPTS, type Scripted } from './inputs.js';

interface Given {
  readonly input: Scripted;
}
// Outages of some seconds must not use up the attempts; scripted errors do, quickly.
const PATIENT = { timeout: '30s', retry: { attempts: ATTEMPTS, backoff: { initial: '100ms', factor: 2, max: '2s' } } } as const;
const STUBBORN = { timeout: '20s', retry: { attempts: 200, backoff: { initial: '100ms', factor: 2, max: '2s' } } } as const;

const scriptOf = (step: string) => (given: Given) => ({ script: given.input.scripts[step] ?? {} });
const inScript = (step: string) => (given: Given) => step in given.input.scripts;

/** A step that can be undone and does what its script says. */
const doing = (step: string, { undo }: Workshop) => ({
  ...PATIENT,
  request: scriptOf(step),
  compensate: { ...STUBBORN, command: undo, request: scriptOf(step) },
});
const pivoting = (step: string) => ({ ...PATIENT, request: scriptOf(step) });
const finishing = (step: string) => ({ ...STUBBORN, request: scriptOf(step) });

/** One after the other; all but the first may be missing. */
@Saga({ name: 'random-line', version: 1 })
export class RandomLine extends SagaDefinition<Scripted> {
  s1 = this.step(Alpha.act, doing('s1', Alpha));
  s2 = this.step(Beta.act, { ...doing('s2', Beta), when: inScript('s2') });
  s3 = this.step(Gamma.act, { ...doing('s3', Gamma), when: inScript('s3') });
  s4 = this.step(Alpha.act, { ...doing('s4', Alpha), when: inScript('s4') });
  s5 = this.step(Beta.act, { ...doing('s5', Beta), when: inScript('s5') });
  s6 = this.step(Gamma.act, { ...doing('s6', Gamma), when: inScript('s6') });
  s7 = this.step(Alpha.act, { ...doing('s7', Alpha), when: inScript('s7') });
  s8 = this.step(Beta.act, { ...doing('s8', Beta), when: inScript('s8') });
  s9 = this.step(Gamma.act, { ...doing('s9', Gamma), when: inScript('s9') });
  s10 = this.step(Alpha.act, { ...doing('s10', Alpha), when: inScript('s10') });
  s11 = this.step(Beta.act, { ...doing('s11', Beta), when: inScript('s11') });
  s12 = this.step(Gamma.act, { ...doing('s12', Gamma), when: inScript('s12') });
}

/** A check, a pivot, and what must succeed after it, two of them side by side. */
@Saga({ name: 'random-pivot', version: 1 })
export class RandomPivot extends SagaDefinition<Scripted> {
  s1 = this.step(Alpha.act, doing('s1', Alpha));
  s2 = this.step(Beta.act, { ...doing('s2', Beta), after: [], when: inScript('s2') });
  fits = this.check('does-not-fit', { uses: { first: this.s1 }, passes: ({ input, first }) => input.passes && first.count > 0 });
  s3 = this.step(Gamma.act, doing('s3', Gamma));
  s4 = this.pivot(Beta.act, pivoting('s4'));
  s5 = this.retriable(Alpha.finish, { ...finishing('s5'), after: this.s4 });
  s6 = this.retriable(Gamma.finish, { ...finishing('s6'), after: this.s4, when: inScript('s6') });
  s7 = this.retriable(Beta.finish, finishing('s7'));
}

/** Two branches that meet; each is undone as soon as what depends on it is. */
@Saga({ name: 'random-tree', version: 1, compensationOrder: 'by-dependency' })
export class RandomTree extends SagaDefinition<Scripted> {
  s1 = this.step(Alpha.act, doing('s1', Alpha));
  s2 = this.step(Beta.act, { ...doing('s2', Beta), after: this.s1 });
  s3 = this.step(Gamma.act, { ...doing('s3', Gamma), after: this.s1, when: inScript('s3') });
  s4 = this.step(Alpha.act, { ...doing('s4', Alpha), after: this.s2 });
  s5 = this.step(Beta.act, { ...doing('s5', Beta), after: this.s3 });
  fits = this.check('does-not-fit', { after: [this.s4, this.s5], passes: ({ input }) => input.passes });
  s6 = this.step(Gamma.act, doing('s6', Gamma));
}

/** Six at once, then the pivot. */
@Saga({ name: 'random-wide', version: 1 })
export class RandomWide extends SagaDefinition<Scripted> {
  s1 = this.step(Alpha.act, doing('s1', Alpha));
  s2 = this.step(Beta.act, { ...doing('s2', Beta), after: [] });
  s3 = this.step(Gamma.act, { ...doing('s3', Gamma), after: [] });
  s4 = this.step(Alpha.act, { ...doing('s4', Alpha), after: [] });
  s5 = this.step(Beta.act, { ...doing('s5', Beta), after: [], when: inScript('s5') });
  s6 = this.step(Gamma.act, { ...doing('s6', Gamma), after: [] });
  s7 = this.pivot(Alpha.act, pivoting('s7'));
  s8 = this.retriable(Beta.finish, { ...finishing('s8'), after: this.s7 });
}

@Saga({ name: 'random-single', version: 1 })
export class RandomSingle extends SagaDefinition<Scripted> {
  s1 = this.step(Beta.act, doing('s1', Beta));
}

/** Its last step gives up soon, and waits for a person then. */
@Saga({ name: 'random-stuck', version: 1 })
export class RandomStuck extends SagaDefinition<Scripted> {
  s1 = this.step(Alpha.act, doing('s1', Alpha));
  s2 = this.pivot(Beta.act, pivoting('s2'));
  s3 = this.retriable(Gamma.finish, {
    request: scriptOf('s3'),
    timeout: '20s',
    retry: { attempts: STUCK_ATTEMPTS, backoff: { initial: '100ms', factor: 2, max: '2s' } },
  });
}
