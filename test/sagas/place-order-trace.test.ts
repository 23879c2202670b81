import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { Order } from '../../sagas/place-order/place-order.saga.js';
import { drawn, recordTraces, stopTraces, strays } from '../support/traces.js';
import { dataOf, openExample } from './stage.js';

jest.setTimeout(120_000);

describe('the trace of an order whose card is declined', () => {
  const traces = recordTraces();
  beforeAll(async () => {
    const order = dataOf<Order>('place-order/orders.ndjson').find(({ card }) => card.endsWith('-declined'))!;
    const stage = await openExample('place-order');
    await stage.run('place-order', [order], () => undefined);
  });
  afterAll(stopTraces);

  it('is whole', () => {
    expect(strays(traces.spans())).toEqual([]);
    expect(new Set(traces.spans().map(({ traceId }) => traceId)).size).toBe(1);
  });

  it('is drawn in the documentation as it is', () => {
    const page = readFileSync('docs/tracing.md', 'utf8');
    expect(page).toContain(`\`\`\`text\n${drawn(traces.spans())}\`\`\``);
  });
});
