import type { OverviewView } from '../api/views.js';
import { count } from '../model/words.js';
import { toSagas } from '../route.js';
import { Status } from './status.js';

const OPEN = ['running', 'compensating', 'suspended', 'stuck'] as const;
type Counts = OverviewView['definitions'][number];

/** How many sagas of a version are in flight, by status. */
export function OpenCounts({ of: version }: { readonly of: Counts }) {
  const there = OPEN.filter((status) => version[status] > 0);
  return (
    <span class="open-counts">
      {there.length === 0 ? <span class="muted">none</span> : null}
      {there.map((status) => (
        <a key={status} href={toSagas({ status, name: version.name, version: String(version.version) })}>
          {count(version[status])} <Status of={status} />
        </a>
      ))}
    </span>
  );
}

export function isInFlight(version: Counts): boolean {
  return OPEN.some((status) => version[status] > 0);
}
