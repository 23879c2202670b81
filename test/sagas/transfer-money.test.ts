import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { prove, readEvidence, type Evidence } from '../../sagas/transfer-money/proof.js';
import type { Transfer } from '../../sagas/transfer-money/transfer-money.saga.js';
import { dataOf, endsOf, openExample } from './stage.js';

jest.setTimeout(120_000);

const transfers = dataOf<Transfer>('transfer-money/transfers.ndjson');

describe('transfer-money', () => {
  let ends: ReturnType<typeof endsOf>;
  let evidence: Evidence;
  beforeAll(async () => {
    const stage = await openExample('transfer-money');
    await stage.run('transfer-money', transfers, () => undefined);
    ends = endsOf(await stage.sagas());
    evidence = await readEvidence(stage.ask);
  });
  const whyOf = (isWanted: (transfer: Transfer) => boolean) =>
    new Set(transfers.filter(isWanted).map(({ transferId }) => ends.get(transferId)?.why));

  it('neither loses nor makes money', () => {
    expect(transfers.length).toBeGreaterThanOrEqual(200);
    expect(
      prove(
        transfers.map((transfer) => ({ transfer, status: ends.get(transfer.transferId)?.status ?? 'unknown' })),
        evidence,
      ),
    ).toEqual([]);
  });

  it('turns back for the reason that the data is made for', () => {
    expect(whyOf(({ cents }) => cents > 40_000_000)).toEqual(new Set(['withdraw insufficient-funds']));
    expect(whyOf(({ from, cents }) => from === 'N-1010' && cents < 40_000_000)).toEqual(new Set(['withdraw account-closed']));
    expect(whyOf(({ from }) => from === 'N-9999')).toEqual(new Set(['withdraw no-such-account']));
  });

  it('puts back what could not be deposited', () => {
    const closed = transfers.filter(({ transferId }) => ends.get(transferId)?.why === 'deposit account-closed');
    expect(closed.length).toBeGreaterThan(3);
    for (const { transferId } of closed) {
      expect(evidence.north.filter((row) => row.transferId === transferId).map(({ entry }) => entry)).toEqual(['withdrawn', 'put-back']);
      expect(evidence.south.filter((row) => row.transferId === transferId)).toEqual([]);
    }
  });

  it('posts once what needed a second try', () => {
    const retried = transfers.filter(({ to, transferId }) => to === 'S-2008' && ends.get(transferId)?.status === 'completed');
    expect(retried.length).toBeGreaterThan(3);
    for (const { transferId } of retried) expect(evidence.south.filter((row) => row.transferId === transferId)).toHaveLength(1);
  });
});
