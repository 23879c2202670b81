import { useEffect, useRef } from 'preact/hooks';
import { linesOf } from './api.js';
import { ApiError, call, queryText } from './http.js';
import { isSignInNeeded, token } from './session.js';

const AGAIN_MS = 2_000;

/**
 * Calls `happened` for every event of a saga as the server tells it, and goes on where it was after a break. Over `fetch`, since the browser's
 * own EventSource carries no token. A server without events is left in peace: whoever listens asks it from time to time anyway.
 */
export function useEvents(sagaId: string, isWanted: boolean, happened: () => void): void {
  const latest = useRef(happened);
  latest.current = happened;
  const isLocked = isSignInNeeded.value;
  const who = token.value;
  useEffect(() => {
    if (!isWanted || isLocked) return;
    const stopping = new AbortController();
    void listen(sagaId, stopping.signal, () => latest.current());
    return () => stopping.abort();
  }, [sagaId, isWanted, isLocked, who]);
}

async function listen(saga: string, signal: AbortSignal, happened: () => void): Promise<void> {
  let lastId = '';
  while (!signal.aborted) {
    try {
      const headers = { accept: 'text/event-stream', ...(lastId === '' ? {} : { 'last-event-id': lastId }) };
      const response = await call(`/api/v1/events${queryText({ saga })}`, { headers, signal });
      for await (const line of linesOf(response)) {
        if (line.startsWith('id:')) lastId = line.slice(3).trim();
        else if (line.startsWith('data:')) happened();
      }
    } catch (error: unknown) {
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) return;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
