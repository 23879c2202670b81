/** An instant of the engine (milliseconds since 1970) as the API writes it: ISO 8601, UTC. */
export function iso(at: number): string {
  return new Date(at).toISOString();
}

/** The same where there may be none. */
export function isoOrNull(at: number | null): string | null {
  return at === null ? null : iso(at);
}
