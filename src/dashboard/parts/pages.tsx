import { setQuery } from '../route.js';

/** To the newest of a list, and to those before the ones that are shown. */
export function Pages({ next, isFirst }: { readonly next: string | undefined; readonly isFirst: boolean }) {
  if (isFirst && next === undefined) return null;
  return (
    <nav class="pages" aria-label="Pages of the list">
      <button type="button" class="button" disabled={isFirst} onClick={() => setQuery({ cursor: undefined }, { replace: false })}>
        Newest
      </button>
      <button type="button" class="button" disabled={next === undefined} onClick={() => setQuery({ cursor: next }, { replace: false })}>
        Older
      </button>
    </nav>
  );
}
