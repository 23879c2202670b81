import { signal } from '@preact/signals';

/** Where the person is: everything that can be chosen is in the address, so that it can be kept and handed on. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

export const place = signal<Place>(read());

function read(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

/** Goes to another address; `replace` leaves no trace in the history, for what is typed letter by letter. */
export function go(href: string, { replace = false } = {}): void {
  const target = new URL(href, location.href);
  if (target.href === location.href) return;
  const isOtherPage = target.pathname !== location.pathname;
  if (replace) history.replaceState(null, '', target);
  else history.pushState(null, '', target);
  place.value = read();
  if (isOtherPage) scrollTo(0, 0);
}

/** The same page with another query; what is empty is left out. */
export function setQuery(changes: Readonly<Record<string, string | readonly string[] | undefined>>, options = { replace: true }): void {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const one of typeof value === 'string' ? [value] : (value ?? [])) if (one !== '') query.append(name, one);
  }
  const text = query.toString();
  go(`${place.value.path}${text === '' ? '' : `?${text}`}`, options);
}

/** Takes over the links of this page; new tabs, downloads and other addresses are left to the browser. */
export function followLinks(): () => void {
  const onClick = (event: MouseEvent) => {
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    const href = link?.getAttribute('href');
    if (!isPlain || event.defaultPrevented || !href?.startsWith('/') || href.startsWith('//') || link?.hasAttribute('target')) return;
    event.preventDefault();
    go(href);
  };
  const onPop = () => (place.value = read());
  document.addEventListener('click', onClick);
  addEventListener('popstate', onPop);
  return () => {
    document.removeEventListener('click', onClick);
    removeEventListener('popstate', onPop);
  };
}

/** The address of a saga's page. */
export const toSaga = (id: string): string => `/sagas/${encodeURIComponent(id)}`;
export const toDefinition = (name: string, version?: number): string =>
  `/definitions/${encodeURIComponent(name)}${version === undefined ? '' : `?version=${version}`}`;
export const toLetter = (id: string): string => `/dead-letters/${encodeURIComponent(id)}`;
/** The list of sagas with a filter. */
export const toSagas = (filter: Readonly<Record<string, string>>): string => `/sagas?${new URLSearchParams(filter).toString()}`;
