import { describe, expect, it } from '@jest/globals';
import { signal } from '../../contract/inbox.contract.js';
import { amqpUrl } from '../../support/servers.js';
import { tcpProxy } from '../../support/tcp-proxy.js';
import { overRabbitMq, rabbitMqAt, Stage, Step } from './stage.js';

describe('a connection to RabbitMQ that is cut', () => {
  it('[B3 B19] while a handler runs: its command comes again and gets the stored reply', async () => {
    const stage = await Stage.open(overRabbitMq());
    const proxy = await tcpProxy(amqpUrl());
    const [isIn, enter] = signal();
    const [mayGo, go] = signal();
    let calls = 0;
    stage.script.charge = async () => {
      calls++;
      enter();
      await mayGo;
    };
    await stage.host({ transport: rabbitMqAt(proxy.url) });
    const step = new Step();
    await stage.send(step.action);
    await isIn;
    proxy.cut();
    go();
    expect(await stage.answer(step.action)).toBe(JSON.stringify({ paymentId: step.action.id }));
    const after = new Step();
    await stage.ask(after.action);
    expect([calls, await stage.effects()]).toEqual([2, [`charge ${step.action.id}`, `charge ${after.action.id}`].toSorted()]);
  }, 30_000);

  it('[B4 B1] again and again under load: every command is answered and has one effect', async () => {
    const stage = await Stage.open(overRabbitMq());
    const proxy = await tcpProxy(amqpUrl());
    let handled = 0;
    stage.script.charge = async () => {
      if (++handled % 40 === 0 && handled <= 160) proxy.cut();
      return Promise.resolve(undefined);
    };
    await stage.host({ transport: rabbitMqAt(proxy.url), settings: { prefetch: 50 } });
    await stage.host();
    const steps = Array.from({ length: 300 }, () => new Step());
    await stage.send(...steps.map((step) => step.action));
    await stage.until(() => new Set(stage.replies.map(({ commandId }) => commandId)).size === 300);
    expect(await stage.effects()).toHaveLength(300);
    expect(new Set(stage.replies.map(({ outcome }) => outcome))).toEqual(new Set(['success']));
  }, 60_000);
});

describe('many effects outside at a time', () => {
  it('make no noise', async () => {
    const stage = await Stage.open();
    const [areIn, allIn] = signal();
    const warnings: string[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning.message);
    process.on('warning', onWarning);
    let inside = 0;
    stage.script.capture = async (_, { abortSignal }) => {
      abortSignal.addEventListener('abort', () => {});
      if (++inside === 20) allIn();
      await areIn;
    };
    await stage.host({ settings: { outsideConcurrency: 20 } });
    const steps = Array.from({ length: 40 }, () => new Step('capture'));
    await stage.send(...steps.map((step) => step.action));
    await stage.until(() => stage.replies.length === 40);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    expect(await stage.effects()).toHaveLength(40);
  });
});
