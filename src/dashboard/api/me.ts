import { signal } from '@preact/signals';
import type { MeView } from './views.js';

/** Who looks, as the server sees it; `undefined` until it has said, and with servers that do not. */
export const me = signal<MeView | undefined>(undefined);

/** Whether the verbs make sense for whoever looks; the server decides in any case. */
export function mayOperate(): boolean {
  return me.value?.role !== 'read';
}
