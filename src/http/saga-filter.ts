import type { z } from '@hono/zod-openapi';
import type { Plan } from '../core/plan.js';
import type { BulkFilter } from '../engine/bulk.js';
import { placesOf } from '../engine/places.js';
import type { SagaFilter } from '../ports/saga-filter.js';
import type { FilterSchema, ListQuery } from './schemas-find.js';

type Asked = Omit<z.infer<typeof FilterSchema>, 'status'> & { readonly status?: SagaFilter['status'] | undefined };

/** What the store is asked for by the parameters of a list. */
export function listFilter({ tag, limit, cursor, ...query }: ListQuery, plans: readonly Plan[]): SagaFilter {
  const tags = tag && { tags: Object.fromEntries(tag) };
  return { ...sagaFilter({ ...query, ...tags }, plans), limit, ...(cursor === undefined ? {} : { cursor }) };
}

/** What is told of sagas from outside, in the store's terms: instants in milliseconds, a participant as the places where it is waited for. */
export function sagaFilter(asked: Asked, plans: readonly Plan[]): BulkFilter {
  const { waitingFor, startedBefore, startedAfter, ...same } = asked;
  return {
    ...present(same),
    ...(waitingFor === undefined ? {} : { places: placesOf(waitingFor, plans) }),
    ...(startedBefore === undefined ? {} : { startedBefore: Date.parse(startedBefore) }),
    ...(startedAfter === undefined ? {} : { startedAfter: Date.parse(startedAfter) }),
  };
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
/** Without the fields that are not given. */
export function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}
