import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Order } from '../../sagas/place-order/place-order.saga.js';
import { prove, readEvidence, type Evidence } from '../../sagas/place-order/proof.js';
import type { DemoStage } from '../../src/main/demo-stage.js';
import { dataOf, endsOf, openExample } from './stage.js';

jest.setTimeout(120_000);

const all = dataOf<Order>('place-order/orders.ndjson');
/** Some of each kind, and enough fine ones between them. */
const orders = [...all.slice(0, 120), ...all.filter(({ bulky }) => bulky).slice(0, 24)].filter(
  (order, at, list) => list.indexOf(order) === at,
);

describe('place-order', () => {
  let stage: DemoStage;
  let ends: ReturnType<typeof endsOf>;
  let evidence: Evidence;
  beforeAll(async () => {
    stage = await openExample('place-order');
    await stage.run('place-order', orders, () => undefined);
    ends = endsOf(await stage.sagas());
    evidence = await readEvidence(stage.ask);
  });
  const whyOf = (isWanted: (order: Order) => boolean) => {
    const wanted = orders.filter(isWanted);
    expect(wanted).not.toEqual([]);
    return [...new Set(wanted.map(({ orderId }) => ends.get(orderId)?.why))];
  };

  it('has data of every kind', () => {
    expect(all.length).toBeGreaterThanOrEqual(1_000);
    expect(new Set(all.map(({ orderId }) => orderId)).size).toBe(all.length);
  });

  it('ends every order, all or nothing by the participants’ own ledgers', () => {
    expect(
      prove(
        orders.map((order) => ({ order, status: ends.get(order.orderId)?.status ?? 'unknown' })),
        evidence,
      ),
    ).toEqual([]);
    const statuses = [...ends.values()].map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set(['completed', 'compensated']));
  });

  it('turns back for the reason that the data is made for', () => {
    expect(whyOf(({ card, lines }) => card.endsWith('-declined') && !isShort(lines))).toEqual(['charge card-declined']);
    expect(whyOf(({ address }) => address.street.startsWith('PO Box'))).toEqual(['dispatch address-refused']);
    expect(whyOf(({ address }) => /^(ZE|HS|IM)/.test(address.postcode))).toEqual(['courier area-not-served']);
    expect(whyOf(({ lines }) => isSoldOut(lines))).toEqual(['reserve out-of-stock']);
  });

  it('completes what fails only once', () => {
    expect(whyOf(({ card }) => card.endsWith('-flaky'))).toEqual(['']);
    expect(whyOf(({ customer }) => customer.email.endsWith('@greylisted.example'))).toEqual(['']);
  });

  it('cancels the truck that was booked after nobody waited for it any more', () => {
    const late = orders.filter(({ bulky, address }) => bulky && /^(AB|IV|KW)/.test(address.postcode));
    expect(late.length).toBeGreaterThan(3);
    for (const { orderId } of late) {
      expect(ends.get(orderId)?.why).toBe('exhausted freight');
      const rows = evidence.freight.filter((row) => row.orderId === orderId);
      expect(rows.map(({ entry }) => entry)).toEqual(['booked', 'cancelled']);
    }
  });

  it('gives the money back before everything else when the parcel is refused', () => {
    const refused = orders.filter(({ orderId }) => ends.get(orderId)?.why === 'dispatch address-refused');
    for (const { orderId } of refused) {
      const undone = [...evidence.payments, ...evidence.shipping, ...evidence.inventory]
        .filter((row) => row.orderId === orderId && ['refunded', 'cancelled', 'released'].includes(row.entry))
        .sort((one, other) => one.at - other.at);
      expect(undone[0]?.entry).toBe('refunded');
    }
  });
});

function isSoldOut(lines: Order['lines']): boolean {
  return lines.some(({ sku }) => /GEISHA|RAKU/.test(sku));
}
function isShort(lines: Order['lines']): boolean {
  return lines.some(({ sku }) => /GEISHA|RAKU|FESTIVAL|FIRSTFLUSH/.test(sku));
}
