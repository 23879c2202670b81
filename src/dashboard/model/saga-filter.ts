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

/** What has ended is nothing to decide about. */
const OPEN: readonly string[] = STATUSES.filter((status) => status !== 'completed' && status !== 'compensated');

/** The same for a bulk operation, which is about open sagas alone; `undefined`: the search is about none. */
export function bulkFilter(search: SagaSearch): Readonly<Record<string, unknown>> | undefined {
  const { version, tag, status: _all, ...rest } = listQuery(search);
  const status = search.status.length === 0 ? OPEN : search.status.filter((one) => OPEN.includes(one));
  if (status.length === 0) return undefined;
  return {
    ...rest,
    status,
    ...(version === undefined ? {} : { version: Number(version) }),
    ...(Array.isArray(tag) ? { tags: Object.fromEntries(tag.map((pair: string) => pairOf(pair))) } : {}),
  };
}

/** `NAME=VALUE`, or `NAME:VALUE`; a name alone has an empty value, which the API refuses. */
function pairOf(text: string): readonly [string, string] {
  const at = text.search(/[=:]/);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** What a search says, for whoever is about to act on it. */
export function searchWords({ status, fields }: SagaSearch): string {
  const parts = [
    ...(status.length > 0 ? [`status ${status.join(' or ')}`] : []),
    ...Object.entries(fields).map(([name, value]) => `${WORDS[name as FilterName]} ${value}`),
  ];
  return parts.length === 0
    ? 'Every saga that has not ended: nothing is filtered.'
    : `Sagas that have not ended, with ${parts.join(', ')}.`;
}
const WORDS: Readonly<Record<FilterName, string>> = {
  name: 'definition',
  version: 'version',
  key: 'key',
  tag: 'tags',
  step: 'step',
  waitingFor: 'participant',
  error: 'error',
  startedAfter: 'started after',
  startedBefore: 'started before',
};
