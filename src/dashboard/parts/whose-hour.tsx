import type { ActivityView } from '../api/views.js';
import { Ago } from './text.js';

/** Whose activity it is, and since when. */
export function WhoseHour({ of: activity }: { readonly of: ActivityView }) {
  if (activity.of === 'installation') return <span>the last hour</span>;
  return (
    <span>
      this daemon alone, since <Ago at={activity.since} />
    </span>
  );
}
