import { STATUSES } from '../../core/state.js';

/** What sagas may be searched by, as it stands in the address; the API's names. */
export const FILTERS = ['name', 'version', 'key', 'tag', 'step', 'waitingFor', 'error', 'startedAfter', 'startedBefore'] as const;
export type FilterName = (typeof FILTERS)[number];
export interface SagaSearch {
  readonly status: readonly string[];
  readonly fields: Readonly<Partial<Record<FilterName, string>>>;
}

/** Reads the address; what is empty or unknown is left out. */
export function readSearch(query: URLSearchParams): SagaSearch {
  const fields = FILTERS.flatMap((name) => {
    const value = query.get(name)?.trim() ?? '';
    return value === '' ? [] : [[name, value] as const];
  });
  const known: readonly string[] = STATUSES;
  return { status: query.getAll('status').filter((one) => known.includes(one)), fields: Object.fromEntries(fields) };
}

/** The same for the list: tags apart, local times as instants. Words that are no time are sent as they are, so that the API can say so. */
export function listQuery({ status, fields }: SagaSearch): Record<string, string | readonly string[]> {
  const { tag, startedAfter, startedBefore, ...rest } = fields;
  return {
    ...rest,
    ...(status.length > 0 ? { status } : {}),
    ...(tag ? { tag: tag.split(/\s+/) } : {}),
    ...(startedAfter ? { startedAfter: instant(startedAfter) } : {}),
    ...(startedBefore ? { startedBefore: instant(startedBefore) } : {}),
  };
}

/** How many further filters are set, beside status and name. */
export function further({ fields }: SagaSearch): number {
  return Object.keys(fields).filter((name) => name !== 'name' && name !== 'key').length;
}

/** A local date and time as the browser's own field gives it. */
function instant(text: string): string {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : at.toISOString();
}

/** The same for a bulk operation. */
export function bulkFilter(search: SagaSearch): Record<string, unknown> {
  const { version, tag, ...rest } = listQuery(search);
  return {
    ...rest,
    ...(version === undefined ? {} : { version: Number(version) }),
    ...(tag === undefined ? {} : { tag }),
  };
}
