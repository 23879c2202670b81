import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { command, contract, contractTermsOf } from '../../../src/saga/contract.js';
import { SagaDefinition } from '../../../src/saga/definition.js';
import { planOf } from '../../../src/saga/plan-of.js';
import { Saga } from '../../../src/saga/saga.js';
import { typed } from '../../../src/saga/schema.js';
import { marksIn, sensitive } from '../../../src/saga/sensitive.js';

const secret = sensitive(z.string());
const marks = (schema: unknown): string[] => marksIn(schema, 'request').map((mark) => mark.join('.'));

describe('what is marked as sensitive', () => {
  it('is found in every kind of zod schema', () => {
    const schema = z.object({
      own: secret,
      plain: z.string(),
      made: sensitive(z.string()).min(3).trim().describe('what is made of it').optional(),
      list: z.array(z.object({ a: secret })),
      tuple: z.tuple([z.string(), secret], secret),
      record: z.record(z.string(), secret),
      union: z.union([z.object({ b: secret }), z.object({ c: secret.nullable() }), z.null()]),
      kinds: z.discriminatedUnion('kind', [z.object({ kind: z.literal('x'), d: secret }), z.object({ kind: z.literal('y') })]),
      both: z.intersection(z.object({ e: secret }), z.object({ f: secret })),
      late: z.lazy(() => z.string()),
      whole: sensitive(z.object({ g: secret }))
        .extend({ h: z.number() })
        .default({ g: '', h: 1 })
        .readonly(),
      changed: sensitive(z.string().transform((text) => text.length)),
    });
    expect(marks(schema).toSorted()).toEqual(
      ['own', 'made', 'list.*.a', 'tuple.1', 'tuple.*', 'record.*', 'union.b', 'union.c', 'kinds.d', 'both.e', 'both.f', 'whole', 'changed']
        .filter((mark) => mark !== 'tuple.1')
        .toSorted(),
    );
    expect(schema.shape.own.parse('x')).toBe('x');
    expect(marks(z.object({ a: z.string() }).catchall(secret))).toEqual(['*']);
  });

  it('is the whole of a schema of another library, and of types alone', () => {
    const schema = sensitive(typed<{ a: string }>());
    expect(marks(schema)).toEqual(['']);
    expect(schema['~standard'].validate(1)).toEqual({ value: 1 });
    expect(marks(typed<string>())).toEqual([]);
    expect(marks(sensitive(z.string()))).toEqual(['']);
  });

  it('leaves the schema that it is given as it is', () => {
    const plain = z.string();
    sensitive(plain);
    expect(marks(plain)).toEqual([]);
  });

  it('is a fault where nobody can tell its place', () => {
    const Node = z.object({
      name: secret,
      get children() {
        return z.array(Node);
      },
    });
    const faults: string[] = [];
    marksIn(z.object({ a: z.object({ b: secret }).transform(({ b }) => b) }), 'request', faults);
    marksIn(z.object({ tree: Node }), 'input', faults);
    const lazy: z.ZodType = z.lazy(() => z.object({ name: secret, more: lazy.optional() }));
    marksIn(lazy, 'reply', faults);
    const why = 'inside a transformation or a schema that contains itself, where nobody can tell its place; mark all of that: sensitive(…)';
    expect(faults).toEqual([
      `'request' has something sensitive within 'a', ${why}`,
      `'input' has something sensitive within 'tree.children.*', ${why}`,
      `'reply' has something sensitive ${why}`,
    ]);
    expect(marks(z.object({ tree: sensitive(Node) }))).toEqual(['tree']);
  });

  it('is in the contract and the plan, and told at load when it cannot be', () => {
    const Bank = contract('bank', {
      pay: command({ request: z.object({ iban: secret }), reply: secret }),
      stop: command({ request: z.object({}) }),
    });
    const terms = contractTermsOf(Bank)!.commands;
    expect(terms.get('pay')!.sensitive).toEqual({ request: [['iban']], reply: [[]] });
    expect(terms.get('stop')!.sensitive).toBeUndefined();
    @Saga({ name: 's', version: 1, input: z.object({ iban: secret }) })
    class S extends SagaDefinition<{ iban: string }> {
      pay = this.step(Bank.pay, { request: ({ input }) => ({ iban: input.iban }), compensate: 'none' });
    }
    const plan = planOf(S);
    expect(plan.sensitive).toEqual([['iban']]);
    expect(plan.steps[0]).toMatchObject({ action: { sensitive: { request: [['iban']], reply: [[]] } } });
    const hidden = z.object({ a: secret }).transform((value) => value);
    expect(() => contract('b', { pay: command({ request: hidden }) })).toThrow(/command 'pay': 'request' has something sensitive/);
    @Saga({ name: 't', version: 1, input: hidden })
    class T extends SagaDefinition<{ a: string }> {}
    expect(() => planOf(T)).toThrow(/T: @Saga: 'input' has something sensitive/);
  });
});
