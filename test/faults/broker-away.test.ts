import { beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Installation } from '../support/engine-servers.js';
import { eventually } from '../support/eventually.js';
import { privateRabbit, type PrivateRabbit } from '../support/servers.js';
import { tcpProxy } from '../support/tcp-proxy.js';
import { AS_DEPLOYED, expectEnds, Flow, measured, plan, quantile, script } from './parts.js';

describe('a broker that goes away under load', () => {
  let rabbit: PrivateRabbit;
  beforeAll(async () => {
    rabbit = await privateRabbit();
  }, 150_000);

  /** An engine under a steady load, with a participant; all as they would be deployed. */
  async function underLoad(brokerUrl = rabbit.url) {
    const at = await Installation.open({ brokerUrl: rabbit.url });
    const flow = new Flow(80);
    const transport = { ...AS_DEPLOYED, urls: [brokerUrl] };
    const opened = await at.engine([plan], { transport, observer: flow.observer });
    await at.participant('p', script, transport);
    await eventually(async () => (await opened.engine.problems()).length === 0);
    flow.run(opened.engine);
    await flow.untilNextEnd();
    const noticed = () =>
      eventually(async () => (await opened.engine.problems()).some((problem) => problem.includes('the broker')), { withinMs: 30_000 });
    const over = async () => {
      await flow.stop();
      const count = await expectEnds(opened.store, flow.ids);
      expect(count).toBeGreaterThanOrEqual(flow.ids.length);
      await at.close();
    };
    return { ...opened, flow, noticed, over };
  }

  it('[D3] the application in it is stopped and started, three times: progress within three seconds', async () => {
    const { flow, noticed, over } = await underLoad();
    const waits: number[] = [];
    for (let round = 0; round < 3; round++) {
      await rabbit.ctl('stop_app');
      await noticed();
      await rabbit.ctl('start_app');
      waits.push(await flow.untilNextEnd());
      await flow.untilNextEnd();
    }
    measured('D3', 'ms from start_app to the next saga that ends', waits.map(Math.round).join(', '));
    expect(Math.max(...waits)).toBeLessThan(3_000);
    expect(flow.refused).toEqual([]);
    await over();
  }, 150_000);

  it('[D3] it closes all connections, five times: progress within three seconds', async () => {
    const { flow, over } = await underLoad();
    const waits: number[] = [];
    for (let round = 0; round < 5; round++) {
      await rabbit.ctl('close_all_connections', 'because');
      waits.push(await flow.untilNextEnd());
      await flow.untilNextEnd();
    }
    measured('D3', 'ms from close_all_connections to the next saga that ends', waits.map(Math.round).join(', '));
    expect(Math.max(...waits)).toBeLessThan(3_000);
    expect(flow.refused).toEqual([]);
    await over();
  }, 150_000);

  it('[D2] it is killed, and started again: nothing is lost, progress within ten seconds', async () => {
    // RabbitMQ 3.10 killed within seconds of a quorum queue's declaration has lost that queue for good; a clean stop writes it down.
    const { flow, noticed, over } = await underLoad();
    await rabbit.stop();
    await rabbit.start();
    await flow.untilNextEnd();
    await rabbit.kill();
    await noticed();
    const before = flow.ids.length;
    await delay(1_000);
    expect(flow.ids.length).toBeGreaterThan(before);
    await rabbit.start();
    const wait = await flow.untilNextEnd();
    measured('D2', 'ms from the open port to the next saga that ends', wait);
    expect(wait).toBeLessThan(10_000);
    expect(flow.refused).toEqual([]);
    await over();
  }, 150_000);

  it.each([
    ['D9', 'memory', ['set_vm_memory_high_watermark', '0.000001'], ['set_vm_memory_high_watermark', '0.4']],
    ['D10', 'disk space', ['set_disk_free_limit', '100000GB'], ['set_disk_free_limit', '50MB']],
  ])(
    '[%s] it is short of %s: starts go on, replies are taken, nothing is published; all of it ends afterwards',
    async (row, _, raise, lower) => {
      const { engine, flow, noticed, over } = await underLoad();
      await rabbit.ctl(...raise);
      await noticed();
      expect((await engine.problems()).join()).toMatch(/the broker takes no messages \(memory or disk alarm\)/);
      const [started, tookBefore] = [flow.ids.length, flow.tookMs.length];
      await delay(5_000);
      expect(flow.ids.length - started).toBeGreaterThan(10);
      const slow = quantile(flow.tookMs.slice(tookBefore), 0.99);
      measured(row, 'p99 in ms of a start while the broker takes nothing', slow);
      expect(slow).toBeLessThan(2_000);
      expect(flow.refused).toEqual([]);
      await rabbit.ctl(...lower);
      const wait = await flow.untilNextEnd();
      measured(row, 'ms from the end of the alarm to the next saga that ends', wait);
      expect(wait).toBeLessThan(10_000);
      await over();
    },
    120_000,
  );

  it('[D18] it comes and goes every second: no connection and no channel is left over, and all ends', async () => {
    const proxy = await tcpProxy(rabbit.url);
    const { engine, flow, over } = await underLoad(proxy.url);
    const opened = async () => {
      const lines = (await rabbit.ctl('-q', '--no-table-headers', 'list_connections', 'name', 'channels')).trim().split('\n');
      return { connections: lines.length, channels: lines.reduce((sum, line) => sum + Number(line.split('\t')[1]), 0) };
    };
    const before = await opened();
    for (let round = 0; round < 10; round++) {
      proxy.refuse();
      await delay(1_000);
      proxy.accept();
      await delay(1_000);
    }
    await flow.untilNextEnd();
    await eventually(async () => (await engine.problems()).length === 0, { withinMs: 10_000 });
    // The broker notices in its own time that a connection was reset.
    const isBack = async () => JSON.stringify(await opened()) === JSON.stringify(before);
    await eventually(isBack, { withinMs: 10_000, everyMs: 500 });
    expect(proxy.connections).toBe(4);
    measured('D18', 'connections and channels after ten times', JSON.stringify(before));
    await over();
  }, 150_000);
});
