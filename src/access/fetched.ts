/** Documents of an issuer are small; whoever stands in for it must not fill the memory. */
const MOST_BYTES = 262_144;
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** Why keys must not come from there; `undefined`: they may. */
export function whyNotFrom(what: string, text: string): string | undefined {
  if (!URL.canParse(text)) return `${what} is no URL`;
  const { protocol, hostname } = new URL(text);
  if (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname))) return undefined;
  return `${what} must begin with https:// (http:// only on this machine): whoever can change the keys on their way can make tokens`;
}

/** What is there, read whole; 256 KiB at most. Follows no redirect. */
export async function fetchSmall(url: string | URL, options: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, { ...options, redirect: 'manual' });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop ends the connection.
    if (bytes > MOST_BYTES) throw new Error(`${String(url)} answers with more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  const { status, headers } = response;
  return new Response(status === 200 ? Buffer.concat(chunks) : null, { status: status === 200 ? status : 502, headers });
}
