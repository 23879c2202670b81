import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isSealed } from '../../../src/core/sealing.js';
import type { Contract, AnyShape } from '../../../src/saga/contract.js';
import type { SagaClass } from '../../../src/saga/definition.js';
import { planOf } from '../../../src/saga/plan-of.js';
import { fences } from '../../e2e/docs-fences.js';
import { EngineWorld, until } from '../../support/engine.js';
import { payloadKey, sealingWith } from '../../support/sealing.js';

/** Within the package, so that `backstep` in it is found. */
let folder: string;
beforeAll(async () => {
  await mkdir('.backstep', { recursive: true });
  folder = await mkdtemp(resolve('.backstep/sealing-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('the example in docs/security.md', () => {
  it('seals what it says, and can be shredded', async () => {
    const file = join(folder, 'payout.ts');
    await writeFile(file, fences('ts', ['docs/security.md'])[0]!.code);
    const { PayOut } = (await import(file)) as { readonly PayOut: SagaClass; readonly Bank: Contract<'bank', Record<string, AnyShape>> };
    const world = await new EngineWorld({ plans: [planOf(PayOut)], sealing: sealingWith(payloadKey('k1')) }).open(['bank']);
    world.script = () => ({ body: JSON.stringify({ receipt: 'canary' }) });
    const input = { customerId: 'c-4711', amount: 3, customer: { name: 'canary', iban: 'canary' } };
    const { id } = await world.engine.start({ name: 'payout', input });
    const state = async () => (await world.inner.find(id))!.state;
    await until(async () => (await state()).end === 'completed');
    const { request } = world.received[0]!;
    expect(request).toMatchObject({ amount: 3 });
    expect(isSealed((request as { readonly iban: unknown }).iban)).toBe(true);
    expect(JSON.stringify([await state(), request])).not.toContain('canary');
    expect(await world.inner.shred('c-4711')).toBe(1);
    await world.engine.stop();
  });
});
