import type { SagaStart, StartFate } from '../ports/saga-store.js';
import { statement } from './statement.js';
import type { Query } from './transaction.js';

type Kind = 'key' | 'start';
interface KeyRow {
  readonly kind: Kind;
  readonly name: string;
  readonly key: string;
  readonly saga_id: string;
  readonly input_hash: string;
}

/** Claims the keys of a batch of starts, and says for each whether it may go on or which saga was there before. */
export function keyClaimer(schema: string) {
  const insert = statement(`
    insert into ${schema}.saga_key (kind, name, key, saga_id, input_hash)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[])
    on conflict do nothing returning kind, name, key, saga_id, input_hash`);
  // A statement of its own: it sees what the transaction has committed for which the insert waited.
  const read = statement(`
    select kind, name, key, saga_id, input_hash from ${schema}.saga_key
    where (key, name, kind) in (select * from unnest($3::text[], $2::text[], $1::text[]))`);
  const remove = statement(`delete from ${schema}.saga_key where saga_id = any ($1::uuid[])`);

  return async (starts: readonly SagaStart[], query: Query): Promise<readonly StartFate[]> => {
    const wanted = starts.flatMap(keysOf).toSorted(inOneOrder);
    if (wanted.length === 0) return starts.map(() => ({ fate: 'started' }));
    const taken = new Map(
      (
        (
          await query(
            insert(
              ...columns(wanted),
              wanted.map((row) => row.saga_id),
              wanted.map((row) => row.input_hash),
            ),
          )
        ).rows as KeyRow[]
      ).map(named),
    );
    const conflicting = wanted.filter((row) => taken.get(identity(row))?.saga_id !== row.saga_id);
    if (conflicting.length === 0) return starts.map(() => ({ fate: 'started' }));
    for (const row of (await query(read(...columns(conflicting)))).rows as KeyRow[]) taken.set(identity(row), row);
    const fates = starts.map((start) => fateOf(start, taken));
    await release(starts, fates, (ids) => query(remove(ids)));
    return fates;
  };
}

function fateOf(start: SagaStart, taken: ReadonlyMap<string, KeyRow>): StartFate {
  for (const row of keysOf(start)) {
    const owner = taken.get(identity(row));
    if (owner && owner.saga_id !== start.state.id) return { fate: 'exists', id: owner.saga_id, inputHash: owner.input_hash };
  }
  return { fate: 'started' };
}

/** A start of which one key was free and the other one taken must not keep the free one. */
async function release(
  starts: readonly SagaStart[],
  fates: readonly StartFate[],
  remove: (ids: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const refused = starts.filter((start, n) => fates[n]?.fate === 'exists' && start.state.key !== null && start.startId !== null);
  if (refused.length > 0) await remove(refused.map((start) => start.state.id));
}

function keysOf({ state, startId, inputHash }: SagaStart): readonly KeyRow[] {
  const row = { name: state.name, saga_id: state.id, input_hash: inputHash };
  return [
    ...(state.key === null ? [] : [{ ...row, kind: 'key' as const, key: state.key }]),
    ...(startId === null ? [] : [{ ...row, kind: 'start' as const, key: startId }]),
  ];
}

const identity = ({ kind, name, key }: KeyRow): string => `${kind} ${name} ${key}`;
const named = (row: KeyRow): [string, KeyRow] => [identity(row), row];
const columns = (rows: readonly KeyRow[]) => [rows.map((row) => row.kind), rows.map((row) => row.name), rows.map((row) => row.key)];
/** Everybody inserts keys in the same order, or two batches would wait for each other. Of equal keys the first start comes first. */
const inOneOrder = (a: KeyRow, b: KeyRow): number => (identity(a) < identity(b) ? -1 : identity(a) > identity(b) ? 1 : 0);
