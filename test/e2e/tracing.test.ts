import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { eventually } from '../support/eventually.js';
import { amqpUrl, freshDatabase } from '../support/servers.js';
import { strays, type SeenSpan } from '../support/traces.js';
import { fences } from './docs-fences.js';
import { Shop } from './shop.js';

/** In place of the packages that the page names: an SDK that writes a line for each span, at once. */
const STAND_IN = `
import { context, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { appendFileSync } from 'node:fs';

export class NodeSDK {
  constructor({ traceExporter, idGenerator }) {
    this.provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(traceExporter)], idGenerator });
  }
  start() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(this.provider);
  }
  shutdown() {
    return this.provider.shutdown();
  }
}
export class OTLPTraceExporter {
  export(spans, done) {
    for (const span of spans) {
      const { spanId, traceId } = span.spanContext();
      const links = span.links.map((link) => link.context.spanId);
      const line = { name: span.name, kind: SpanKind[span.kind], traceId, spanId, parentId: span.parentSpanContext?.spanId, links, pid: process.pid };
      appendFileSync(new URL('./spans.ndjson', import.meta.url), JSON.stringify({ ...line, attributes: span.attributes }) + '\\n');
    }
    done({ code: 0 });
  }
  async shutdown() {}
}
`;

/** Within the package, so that `backstep/tracing` is what `npm run build` made of it. */
let folder: string;
beforeAll(async () => {
  await mkdir('.backstep', { recursive: true });
  folder = await mkdtemp(resolve('.backstep/tracing-'));
  const [{ code } = { code: '' }] = fences('js', ['docs/tracing.md']);
  await writeFile(join(folder, 'stand-in.mjs'), STAND_IN);
  await writeFile(join(folder, 'otel.mjs'), code.replaceAll(/'@opentelemetry\/(sdk-node|exporter-trace-otlp-proto)'/g, "'./stand-in.mjs'"));
});
afterAll(() => rm(folder, { recursive: true }));

type WrittenSpan = Omit<SeenSpan, 'from' | 'to' | 'failed'> & { readonly pid: number };
async function spansWritten(): Promise<readonly WrittenSpan[]> {
  const text = await readFile(join(folder, 'spans.ndjson'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as WrittenSpan);
}

describe('daemons and participants set up as docs/tracing.md says', () => {
  it('make one whole trace of each order, although the daemon that sent its first commands is killed before they are answered', async () => {
    const shop = await Shop.open({ database: (await freshDatabase()).url, broker: amqpUrl() });
    const traced = { NODE_OPTIONS: `--import ${join(folder, 'otel.mjs')}`, BACKSTEP_LOG_LEVEL: 'debug' };
    const [first, second] = await Promise.all([shop.daemon(traced), shop.daemon(traced)]);
    const orders = 30;
    await shop.place(orders, first.url);
    first.kill('SIGKILL');
    await first.ended;
    const host = await shop.host('inventory,payments,shipping,freight,mail', traced);
    await shop.untilEnded(orders, 60_000);
    const ended = async () => (await spansWritten()).filter(({ name }) => name === 'place-order').length;
    await eventually(async () => (await ended()) === orders, { withinMs: 20_000, what: 'every order has its span' });
    // A span follows the commit that it tells of, so that the last ones are there a moment after the database says so.
    second.kill('SIGTERM');
    await second.ended;
    const spans = await spansWritten();
    expect(strays(spans)).toEqual([]);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(orders);
    const outcomes = new Set(spans.map(({ attributes }) => attributes['backstep.saga.outcome']));
    expect(outcomes).toEqual(new Set(['completed', 'compensated', undefined]));
    const by = (pid: number) => new Set(spans.filter((span) => span.pid === pid).map(({ kind }) => kind));
    expect(by(first.pid)).toEqual(new Set(['INTERNAL']));
    expect(by(second.pid)).toEqual(new Set(['INTERNAL', 'PRODUCER']));
    // Orders have names, addresses and cards in them; neither log nor trace has.
    const written = [first, second, host].map(({ stdout, stderr }) => stdout + stderr).join('') + JSON.stringify(spans);
    expect(written).not.toMatch(/@\w+\.example|mastercard|visa|postcode|"lines":\[/i);
  }, 120_000);
});
