import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SagaFilter } from '../../../src/ports/saga-filter.js';
import { figures } from '../../../src/postgres/figures.js';
import { listing } from '../../../src/postgres/list-sagas.js';
import { firstIdAt } from '../../../src/postgres/partitions.js';
import type { PostgresSagaStore } from '../../../src/postgres/postgres-saga-store.js';
import { openStore } from './connections.js';

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Node[];
}

const FINISHED = 20_000;
const PAGE = 50;

describe('looking for sagas beside many finished ones', () => {
  let store: PostgresSagaStore;
  let now: number;
  beforeAll(async () => {
    ({ store } = await openStore({ poolSize: 1 }));
    now = await store.now();
    await store.dataSource.query(`
      insert into backstep.finished_saga (id, name, version, key, tags, status, state, row_version, stamp, started_at, ended_at)
      select ('${firstIdAt(now).slice(0, 14)}7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'saga-' || n % 10, case when n % 100 = 0 then 1 else 2 end, 'k-' || n,
        case when n % 100 = 1 then jsonb_build_object('shop', (n % 1000)::text) else '{}' end, case when n % 10 = 3 then 'compensated' else 'completed' end,
        case when n % 10 = 3 then '{"reason":{"kind":"rejected","step":"charge","code":"code-' || n % 1000 || '"},"steps":{}}' else '{"steps":{}}' end,
        1, 1, to_timestamp(${now} / 1000.0), to_timestamp(${now} / 1000.0)
      from generate_series(1, ${FINISHED}) n`);
    await store.dataSource.query(
      `insert into backstep.saga_key (kind, name, key, saga_id, input_hash) select 'key', name, key, id, '' from backstep.finished_saga`,
    );
    await store.dataSource.query('analyze');
  }, 60_000);

  /** Rows of finished sagas that were read for a page, and how. */
  async function readFor(filter: Partial<SagaFilter>): Promise<{ readonly rows: number; readonly how: readonly string[] }> {
    const { text, values } = listing('backstep', { limit: PAGE, ...filter });
    return readBy(text, values);
  }
  async function readBy(text: string, values: unknown[]): Promise<{ readonly rows: number; readonly how: readonly string[] }> {
    const [{ 'QUERY PLAN': plans }] = await store.dataSource.query<[{ 'QUERY PLAN': readonly { Plan: Node }[] }]>(
      `explain (analyze, format json) ${text}`,
      values,
    );
    const rowsOf = (node: Node) => node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0);
    const ofFinished = nodesOf(plans[0]!.Plan).filter((node) => node['Relation Name']?.startsWith('finished_saga'));
    // A partition with nothing in it may be scanned in any way.
    const scans = ofFinished.filter((node) => rowsOf(node) > 0);
    // Per run of a node, of which there may be several.
    return {
      rows: scans.reduce((sum, node) => sum + rowsOf(node) * node['Actual Loops'], 0),
      how: [...new Set(scans.map((node) => node['Node Type']))],
    };
  }

  it.each<[string, Partial<SagaFilter>]>([
    ['nothing', {}],
    ['a name', { name: 'saga-3' }],
    ['a name that none has', { name: 'nothing' }],
    ['a name and a version', { name: 'saga-0', version: 1 }],
    ['a name and a version that none has', { name: 'saga-0', version: 3 }],
    ['a key', { key: 'k-77' }],
    ['a status', { status: ['compensated'] }],
    ['a tag', { tags: { shop: '101' } }],
    ['a tag that none has', { tags: { shop: 'nowhere' } }],
    ['an error', { error: 'code-13' }],
    ['an error that none has', { error: 'nothing' }],
    ['a name and an error', { name: 'saga-3', error: 'code-13' }],
    ['an instant before which none was started', { startedBefore: 1 }],
    ['an instant after which none was started', { startedAfter: 4_000_000_000_000 }],
  ])('by %s uses an index, and reads hardly more than a page', async (_, filter) => {
    const { rows, how } = await readFor(filter);
    expect(how).not.toContain('Seq Scan');
    expect(rows).toBeLessThan(FINISHED / 20);
  });

  it('the figures of every version read the newest of each, and nothing else', async () => {
    const names = Array.from({ length: 10 }, (_, n) => `saga-${n}`);
    const versions = names.map(() => 2);
    const { rows, how } = await readBy(figures('backstep'), [names, versions, PAGE]);
    expect(how).not.toContain('Seq Scan');
    expect(rows).toBeLessThan(names.length * (PAGE + 10));
  });

  it.each<[string, Partial<SagaFilter>]>([
    ['by the status of an open one', { status: ['stuck', 'running'] }],
    ['by a step', { step: 'charge' }],
    ['by a participant', { places: [{ name: 'saga-3', version: 2, step: 'charge', side: 'doing' }] }],
  ])('%s leaves the finished ones alone', async (_, filter) => {
    expect(await readFor(filter)).toEqual({ rows: 0, how: [] });
  });
});

function nodesOf(node: Node): readonly Node[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}
