import { connect } from 'node:net';
import type { Chance } from '../kit/chance.js';
import { must, type Findings } from './entrance.js';
import { makeRequest } from './http.js';
import { cut } from './oracle.js';
import { scrambled } from './values.js';

/** Bytes as they go over the socket, and what a client that ends after them is told. */
export function makeRawRequest(chance: Chance): Uint8Array {
  const { method = 'GET', path = '/', headers = [], body = new Uint8Array() } = makeRequest(chance);
  const framing = chance.is(0.85)
    ? [`content-length: ${body.length}`]
    : chance.pick([
        ['transfer-encoding: chunked'],
        [`content-length: ${body.length + 5}`],
        [`content-length: ${Math.max(0, body.length - 1)}`],
        ['content-length: -1'],
        ['content-length: 1e400'],
        [`content-length: ${body.length}`, 'transfer-encoding: chunked'],
        ['content-length: 99999999999999999999'],
        [],
        [`x-long: ${'x'.repeat(20_000)}`],
        Array.from({ length: 300 }, (_, at) => `x-${at}: ${at}`),
        ['bad header'],
        [': no name'],
        ['expect: 100-continue', `content-length: ${body.length}`],
      ]);
  const lines = [
    `${method} ${path} HTTP/${chance.is(0.96) ? '1.1' : chance.pick(['1.0', '0.9', '2.0', '1.1 '])}`,
    ...(chance.is(0.97) ? ['host: localhost'] : []),
    'connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...framing,
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const whole = Buffer.concat([head, body]);
  return chance.is(0.9) || whole.length > 20_000 ? whole : scrambled(chance, whole);
}

/** No answer within this hangs. */
const PATIENCE_MS = 60_000;

/** Sends the bytes, ends, and gives what came back: nothing where the server has only closed. */
export function sendRaw(port: number, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after ${PATIENCE_MS} ms`));
    }, PATIENCE_MS);
    const done = () => {
      clearTimeout(late);
      resolve(Buffer.concat(parts).toString('latin1'));
    };
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('end', () => socket.end());
    socket.on('close', done);
    // A server that has heard enough closes while we still write.
    socket.on('error', () => undefined);
    socket.end(bytes);
  });
}

/** Any refusal will do, but no fault of the server's own. */
export function mustBeAnswered(answer: string, bytes: Uint8Array, found: Findings): void {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1];
  found.count(`over the socket: ${status ?? 'closed'}`);
  const asked = () => cut(Buffer.from(bytes).toString('latin1'), 600);
  must(!status?.startsWith('5'), `answered ${status}`, () => `${cut(answer, 600)}\nto ${asked()}`);
}
