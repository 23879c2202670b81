import { useEffect, useRef, useState } from 'preact/hooks';
import { isSignInNeeded, token } from './session.js';
import { ApiError } from './http.js';

/** Something that is asked for again and again while somebody looks. */
export interface Live<T> {
  /** The last answer; stays while the next one is awaited, or cannot be had. */
  readonly data: T | undefined;
  /** Why there is no newer one. */
  readonly error: Error | undefined;
  /** Ask now. */
  readonly refresh: () => void;
}
export interface LiveOptions {
  /** Pause between an answer and the next question; `undefined`: asked once. */
  readonly everyMs?: number | undefined;
}

/**
 * Asks at once, again after every pause, and whenever `key` changes; not while the tab is hidden or nobody has signed in. Answers to older
 * questions are dropped.
 */
export function useLive<T>(key: string, load: (signal: AbortSignal) => Promise<T>, { everyMs }: LiveOptions = {}): Live<T> {
  const [state, setState] = useState<{ readonly key: string; readonly data?: T; readonly error?: Error }>({ key });
  const latest = useRef(load);
  latest.current = load;
  const refresh = useRef<() => void>(() => {});
  const isLocked = isSignInNeeded.value;
  const who = token.value;

  useEffect(() => {
    const loop = new Loop(async (signal) => {
      try {
        const data = await latest.current(signal);
        if (!signal.aborted) setState({ key, data });
      } catch (error: unknown) {
        if (!signal.aborted) setState((before) => failed(before, key, error));
      }
    }, everyMs);
    refresh.current = () => loop.now();
    if (!isLocked) loop.start();
    return () => loop.stop();
  }, [key, everyMs, isLocked, who]);

  const isCurrent = state.key === key;
  return {
    data: isCurrent ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
    refresh: () => refresh.current(),
  };
}

function failed<T>(before: { readonly key: string; readonly data?: T }, key: string, error: unknown) {
  const told = error instanceof Error ? error : new ApiError(0, '', String(error));
  return before.key === key && before.data !== undefined ? { key, data: before.data, error: told } : { key, error: told };
}

/** Owns the timer and the question under way; one at a time. Invariant: after `stop` nothing is asked. */
class Loop {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: AbortController | undefined;
  private isWanted = false;
  private readonly onVisible = () => {
    if (document.visibilityState === 'visible' && this.everyMs !== undefined) this.now();
  };

  constructor(
    private readonly ask: (signal: AbortSignal) => Promise<void>,
    private readonly everyMs: number | undefined,
  ) {}

  start(): void {
    document.addEventListener('visibilitychange', this.onVisible);
    this.now();
  }
  stop(): void {
    document.removeEventListener('visibilitychange', this.onVisible);
    clearTimeout(this.timer);
    this.asking?.abort();
  }
  /** At once, or as soon as the question under way is answered. */
  now(): void {
    clearTimeout(this.timer);
    if (this.asking) this.isWanted = true;
    else void this.round();
  }

  private async round(): Promise<void> {
    const asking = (this.asking = new AbortController());
    this.isWanted = false;
    await this.ask(asking.signal);
    this.asking = undefined;
    if (asking.signal.aborted) return;
    if (this.isWanted) return void this.round();
    if (this.everyMs !== undefined) this.timer = setTimeout(() => this.whenVisible(), this.everyMs);
  }
  private whenVisible(): void {
    if (document.visibilityState === 'visible') this.now();
  }
}
