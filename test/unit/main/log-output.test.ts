import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogOutput, type LogStream } from '../../../src/main/log-output.js';

const NOON = () => new Date('2026-01-02T12:00:00Z');
const LOST =
  '{"level":"warn","time":"2026-01-02T12:00:00.000Z","lines":2,"msg":"lines of the log were lost: nobody read them, or there was no room for them"}';

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

/** Standard output led into a file; `lead` leads it elsewhere. */
function file(path: string) {
  const open = { fd: openSync(path, 'a'), destroyed: false, writableLength: 0, write: () => true, on: () => {} };
  closing.push(() => closeSync(open.fd));
  const lead = (to: string) => {
    closeSync(open.fd);
    open.fd = openSync(to, 'a');
  };
  return { stream: open as LogStream, lead };
}
/** Standard output led into a pipe whose reader reads nothing until it is told to. */
async function pipe(): Promise<{ stream: Socket; reader: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stream = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [reader] = (await once(server, 'connection')) as [Socket];
  reader.pause();
  closing.push(
    () => stream.destroy(),
    () => reader.destroy(),
    () => server.close(),
  );
  return { stream, reader };
}
const asLog = (stream: Socket) => stream as unknown as LogStream;

describe('the output of a log', () => {
  const folder = mkdtempSync(join(tmpdir(), 'log-output-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('[A16] loses lines where the disk is full, and says how many when there is room again', () => {
    const path = join(folder, 'log');
    const { stream, lead } = file(path);
    const output = new LogOutput(stream, NOON);
    output.write('one\n');
    lead('/dev/full');
    for (const line of ['two\n', 'three\n']) output.write(line);
    lead(path);
    for (const line of ['four\n', 'five\n']) output.write(line);
    expect(readFileSync(path, 'utf8')).toBe(`one\n\n${LOST}\nfour\nfive\n`);
  });

  it('[A16] keeps a bounded amount for a reader that does not read', async () => {
    const { stream, reader } = await pipe();
    const output = new LogOutput(asLog(stream), NOON);
    const line = `${'x'.repeat(99_999)}\n`;
    for (let count = 0; count < 500; count++) output.write(line);
    expect(stream.writableLength).toBeLessThan(1_200_000);
    let text = '';
    reader.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    reader.resume();
    while (stream.writableLength > 0) await once(stream, 'drain');
    output.write('the next\n');
    stream.end();
    await once(reader, 'end');
    const [, lines] = /"lines":(\d+),"msg":"lines of the log were lost/.exec(text)!;
    expect(text.split('\n').filter((each) => each.startsWith('x'))).toHaveLength(500 - Number(lines));
    expect(Number(lines)).toBeGreaterThan(400);
    expect(text.endsWith('the next\n')).toBe(true);
  });

  it('[A16] survives that the reader of a pipe goes', async () => {
    const { stream, reader } = await pipe();
    const output = new LogOutput(asLog(stream), NOON);
    const closed = new Promise((resolve) => stream.once('close', resolve));
    reader.resetAndDestroy();
    while (!stream.destroyed) {
      output.write('nobody reads this\n');
      await new Promise((resolve) => setImmediate(resolve));
    }
    await closed;
    output.write('nor this\n');
  });
});
