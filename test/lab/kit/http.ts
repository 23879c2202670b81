import { Agent, request, type IncomingHttpHeaders } from 'node:http';

/** What a server answered. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
}

/** Kept open between requests, as a client in production would. */
const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 64 });

let token: string | undefined;
/** Sent with every request from now on: all installations of an experiment know it. */
export function useToken(one: string): void {
  token = one;
}

/** One request. Rejects when there is no whole answer in time: then nobody knows what became of it. */
export function ask(url: string, { method = 'GET', headers = {}, body, timeoutMs = 15_000 }: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method,
      agent,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
    });
    const late = setTimeout(() => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const fail = (error: Error) => {
      clearTimeout(late);
      reject(error);
    };
    sent.on('error', fail);
    sent.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', fail);
      response.on('aborted', () => fail(new Error('the answer was cut off')));
      response.on('end', () => {
        clearTimeout(late);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8'), headers: response.headers });
      });
    });
    sent.end(body);
  });
}
export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
}

/** Lets the connections that are kept open go. */
export function closeConnections(): void {
  agent.destroy();
}
