import type { Site } from './site.js';

/** What the checker has against the site's evidence, one line each. */
export async function verdictOn(_site: Site): Promise<string[]> {
  return [];
}
