import type { ComponentChildren } from 'preact';
import { ApiError } from '../api/http.js';
import type { Live } from '../api/live.js';
import { Icon, type IconName } from './icon.js';

/** Nothing is there, and that is no fault. */
export function Empty({
  icon = 'check',
  title,
  children,
}: {
  readonly icon?: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <Icon name={icon} size={20} />
      <p class="empty-title">{title}</p>
      {children ? <p class="muted">{children}</p> : null}
    </div>
  );
}

/** It could not be had: what, and what can be done. */
export function Failed({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  const code = error instanceof ApiError ? error.code : '';
  return (
    <div class="failed" role="alert">
      <Icon name="alert" size={18} />
      <div>
        <p>{error.message}</p>
        {error instanceof ApiError && error.faults.length > 0 ? (
          <ul>
            {error.faults.map((fault) => (
              <li key={fault}>{fault}</li>
            ))}
          </ul>
        ) : null}
        {code === '' ? null : <p class="muted mono">{code}</p>}
      </div>
      {retry ? (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

/** As much room as what is awaited will take. */
export function Loading({ rows = 4 }: { readonly rows?: number }) {
  return (
    <div class="loading" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} class="skeleton" />
      ))}
    </div>
  );
}

/** What is awaited, what went wrong, or what came; an old answer stays, and it is said that it is old. */
export function Awaited<T>({
  live,
  rows,
  children,
}: {
  readonly live: Live<T>;
  readonly rows?: number;
  readonly children: (data: T) => ComponentChildren;
}) {
  const { data, error, refresh } = live;
  if (data === undefined) return error ? <Failed error={error} retry={refresh} /> : <Loading {...(rows === undefined ? {} : { rows })} />;
  return (
    <>
      {error ? (
        <p class="stale" role="status">
          <Icon name="alert" size={12} /> Not up to date: {error.message}
        </p>
      ) : null}
      {children(data)}
    </>
  );
}

/** A part of a page with a heading. */
export function Panel(props: {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}) {
  return (
    <section class={`panel ${props.class ?? ''}`}>
      <header class="panel-head">
        <h2>{props.title}</h2>
        {props.aside ? <div class="panel-aside">{props.aside}</div> : null}
      </header>
      {props.children}
    </section>
  );
}

/** A table that scrolls by itself where the window is narrower; reachable by keyboard then. */
export function Scroll({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
