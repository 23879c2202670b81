import { fetchSmall, whyNotFrom } from './fetched.js';

const TIMEOUT_MS = 5_000;
const KEEP_MS = 3_600_000;
/** Anybody can make a server ask, with a token of their own making. */
const ASK_AGAIN_MS = 5_000;

/** Where the issuer says that its keys are. */
const configurationOf = (issuer: string): string => `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;

/**
 * Finds out where an issuer's keys are.
 * Owns: the last answer, for an hour, and longer while the issuer does not answer; the question under way; the pause after one that failed.
 */
export class Discovery {
  private known: { readonly url: URL; readonly until: number } | undefined;
  private asking: Promise<URL> | undefined;
  private failed: { readonly error: unknown; readonly until: number } | undefined;

  constructor(private readonly issuer: string) {}

  /** Throws what went wrong, while no answer is known. */
  async keysAt(now: number): Promise<URL> {
    if (this.known && now < this.known.until) return this.known.url;
    if (this.failed && now < this.failed.until) return this.otherwise(this.failed.error);
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    try {
      const url = await this.asking;
      this.known = { url, until: now + KEEP_MS };
      return url;
    } catch (error: unknown) {
      this.failed = { error, until: now + ASK_AGAIN_MS };
      return this.otherwise(error);
    }
  }

  private otherwise(error: unknown): URL {
    if (this.known) return this.known.url;
    throw error;
  }

  private async ask(): Promise<URL> {
    const from = configurationOf(this.issuer);
    const response = await fetchSmall(from, { signal: AbortSignal.timeout(TIMEOUT_MS), headers: { accept: 'application/json' } });
    if (response.status !== 200) throw new Error(`${from} does not answer with a document`);
    return keysIn(await response.json(), this.issuer);
  }
}

/** Where the document of an issuer says that its keys are. Throws what is wrong with it. */
export function keysIn(document: unknown, issuer: string): URL {
  const said = (document ?? {}) as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
  if (said.issuer !== issuer) throw new Error(`what ${issuer} says of itself is of another issuer`);
  const keys = said.jwks_uri;
  const why = typeof keys === 'string' ? whyNotFrom('jwks_uri', keys) : 'jwks_uri is missing';
  if (why !== undefined) throw new Error(`what ${issuer} says of itself cannot be used: ${why}`);
  const url = new URL(keys as string);
  // Somebody elsewhere must not make this process call what listens on its own machine.
  if (url.protocol !== 'https:' && new URL(issuer).protocol === 'https:')
    throw new Error(`what ${issuer} says of itself cannot be used: jwks_uri must begin with https://`);
  return url;
}
