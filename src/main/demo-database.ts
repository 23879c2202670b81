/** The first of a list of URLs, with another database. */
export function withDatabase(url: string, database: string): string {
  const target = new URL(url.split(',')[0]!.trim());
  target.pathname = `/${database}`;
  return target.href;
}

/** The first of a list of URLs, with the search path that a participant's connection has. */
export function withSearchPath(url: string, schema: string): string {
  const target = new URL(url.split(',')[0]!.trim());
  target.searchParams.set('options', `-c search_path=${schema}`);
  return target.href;
}
