import { messageOf } from '../core/errors.js';

/** A broker's complaint as one sentence that helps whoever has to mend it. Holds neither URL nor password. */
export function explain(error: unknown): string {
  const text = textOf(error);
  if (/ACCESS[-_]REFUSED/.test(text) && /login|Handshake/i.test(text)) return 'the broker refused the login: user or password is wrong';
  if (/Handshake terminated.*NOT_ALLOWED/.test(text)) return `the broker refused the virtual host: ${quoted(text)}`;
  // The library does not pass on what the broker says at this point.
  if (/Expected ConnectionOpenOk; got <ConnectionClose/.test(text))
    return 'the broker refused the virtual host (the path of the URL): there is no such one, or this user may not use it';
  if (/ECONNREFUSED/.test(text)) return `nobody listens there: ${text}`;
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return `the host name cannot be resolved: ${text}`;
  if (/ETIMEDOUT|AbortError|operation was aborted/.test(text)) return 'the broker did not answer in time';
  if (/Heartbeat timeout/.test(text)) return 'the broker has sent no sign of life: heartbeat timeout';
  if (/Socket closed abruptly|Unexpected close|ECONNRESET|EPIPE/.test(text)) return `the connection was cut: ${text}`;
  return quoted(text);
}

/** Whether the client library could not encode what it was given, which says nothing about the connection. */
export function isAboutArguments(error: unknown): boolean {
  const name = (error as { name?: unknown } | null)?.name;
  return name === 'RangeError' || name === 'TypeError';
}

/** An error of another realm is no `Error` of ours. */
function textOf(error: unknown): string {
  const message = (error as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? message : messageOf(error);
}

/** The broker's own words within the client's, where there are any. */
function quoted(text: string): string {
  return /with message "(.*)"$/s.exec(text)?.[1] ?? text;
}

/** The code of an error with which the broker closed a channel; `undefined` for anything else. */
export function channelErrorCode(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'number' && [403, 404, 405, 406].includes(code) ? code : undefined;
}

/** The bytes that a message may have at most, where the broker says so in its complaint about one that has more. */
export function sizeLimitIn(text: string): number | undefined {
  const [, bytes] = /message size \d+ is larger than (?:the )?(?:configured )?max(?:imum)? size (\d+)/.exec(text) ?? [];
  return bytes === undefined ? undefined : Number(bytes);
}

/** Which queue or exchange is declared otherwise, and in what, from the broker's text of a 406. */
export function conflictOf(what: string, error: unknown): string {
  const text = quoted(textOf(error));
  const match = /inequivalent arg '([^']+)' for (queue|exchange) '([^']+)' in vhost '[^']*': received (.+?) but current is (.+)$/s.exec(
    text,
  );
  if (!match) return `${what}: ${text}`;
  const [, argument, kind, name, wanted, current] = match;
  return `${kind} ${name}: its ${argument} is ${plain(current!)}, wanted ${plain(wanted!)}`;
}

function plain(value: string): string {
  return /^the value '(.*)' of type '\w+'$/s.exec(value)?.[1] ?? value.replace(/^'(.*)'$/s, '$1');
}
