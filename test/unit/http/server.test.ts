import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { SagaError } from '../../../src/core/errors.js';
import { assertCanListen, openServer } from '../../../src/http/server.js';
import { eventually } from '../../support/eventually.js';
import { Api } from './api.js';

const LOCAL = { host: '127.0.0.1', port: 0 };

/** A request handler that tells when it was called and waits until it may answer. */
function slowly() {
  let answer!: () => void;
  let called!: () => void;
  const isCalled = new Promise<void>((resolve) => (called = resolve));
  const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
  const handler = async () => {
    called();
    await mayAnswer;
    return new Response('done');
  };
  return { handler, isCalled, answer };
}

describe('the HTTP server', () => {
  it('[I7] takes a body that comes in chunks, and no more of it than is taken', async () => {
    const api = await new Api().open();
    const server = await openServer(api.app.fetch, LOCAL);
    const post = (parts: readonly string[]) =>
      fetch(`${server.url}/api/v1/sagas`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: ReadableStream.from(parts.map((part) => Buffer.from(part))),
        duplex: 'half',
      } as RequestInit);
    expect((await post(['{"name":"test-', 'saga","input":', '{"total":1}}'])).status).toBe(201);
    expect((await post(['"', ...Array.from({ length: 20 }, () => 'x'.repeat(65_536)), '"'])).status).toBe(413);
    expect(api.world.logs.count('a request failed inside')).toBe(0);
    await server.stop(0);
  });

  it('[I7] lets nobody hold a connection with half a request, nor one client take all connections', async () => {
    const server = await openServer(() => new Response('served'), { ...LOCAL, limits: { connections: 6, headersMs: 100 } });
    const { port } = new URL(server.url);
    const open = (first = '') => {
      const socket = connect({ host: '127.0.0.1', port: Number(port) });
      socket.write(first);
      return text(socket);
    };
    expect(await open('GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ')).toMatch(/^HTTP\/1.1 408 /);
    const idle = Array.from({ length: 3 }, () => connect({ host: '127.0.0.1', port: Number(port) }));
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    // The fourth of one address is cut; as soon as one of the others goes there is room again.
    expect(await open().catch(() => '')).toBe('');
    for (const socket of idle) socket.destroy();
    await eventually(
      async () =>
        (await fetch(server.url).then(
          (answer) => answer.text(),
          () => '',
        )) === 'served',
      { what: 'served again' },
    );
    await server.stop(0);
  });

  it('answers what is under way before it stops, and is not held up by connections that are kept alive', async () => {
    const { handler, isCalled, answer } = slowly();
    const server = await openServer(handler, LOCAL);
    const text = fetch(server.url).then((response) => response.text());
    await isCalled;
    const stopped = server.stop(60_000);
    answer();
    expect(await text).toBe('done');
    await stopped;
    await expect(fetch(server.url)).rejects.toThrow('fetch failed');
  });

  it('cuts what is not answered in time', async () => {
    const { handler, isCalled } = slowly();
    const server = await openServer(handler, LOCAL);
    const answer = fetch(server.url).then(
      () => 'answered',
      () => 'cut',
    );
    await isCalled;
    await server.stop(1);
    expect(await answer).toBe('cut');
  });

  it('says why it cannot listen, and what to do', async () => {
    const server = await openServer(() => new Response(), LOCAL);
    const { port } = new URL(server.url);
    const taken = { host: '127.0.0.1', port: Number(port) };
    for (const attempt of [openServer(() => new Response(), taken), assertCanListen(taken)]) {
      const error: unknown = await attempt.catch((refused: unknown) => refused);
      expect(error).toBeInstanceOf(SagaError);
      expect(error).toMatchObject({ code: 'SAGA_CONFIG_INVALID', message: expect.stringMatching(/in use.*--port or BACKSTEP_HTTP_PORT/) });
    }
    const chosenBy = { host: '--metrics-host', port: '--metrics-port' };
    await expect(assertCanListen({ ...taken, chosenBy })).rejects.toThrow(/in use.*choose another with --metrics-port$/);
    await server.stop(1_000);
    await expect(assertCanListen({ host: '192.0.2.1', port: 0 })).rejects.toThrow('is no address of this machine');
  });
});
