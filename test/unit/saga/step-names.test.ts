import { describe, expect, it } from '@jest/globals';
import { command, contract, Saga, SagaDefinition, typed } from 'backstep';
import { planOf } from '../../../src/saga/plan-of.js';

const P = contract('p', { act: command({ request: typed<{ n: number }>() }) });

describe('the name of a step', () => {
  it('cannot be one that every object has: the step would seem to have begun', () => {
    @Saga({ name: 'odd', version: 1 })
    class Odd extends SagaDefinition<object> {
      fine = this.step(P.act, { request: () => ({ n: 1 }), compensate: 'none' });
      override valueOf = this.step(P.act, { request: () => ({ n: 1 }), compensate: 'none' }) as never;
    }
    expect(() => planOf(Odd)).toThrow('Odd.valueOf: every object has something of this name; call the step something else');
  });
});
