import { afterEach, describe, expect, it } from '@jest/globals';
import { createDaemon, type Daemon, type DaemonParts } from '../../../src/main/daemon.js';
import { SystemClock } from '../../../src/main/system.js';
import type { ActivityView } from '../../../src/http/schemas-activity.js';
import { InMemoryActivityLog } from '../../../src/memory/in-memory-activity-log.js';
import { InMemorySagaStore } from '../../../src/memory/in-memory-saga-store.js';
import { InProcessTransport } from '../../../src/memory/in-process-transport.js';
import { InProcessBroker } from '../../../src/memory/transport-broker.js';
import { LogBook } from '../../support/engine.js';
import { planFrom } from '../../support/plans.js';

const ANY_PORT = { host: '127.0.0.1', port: 0 };

describe('a daemon', () => {
  const running: Daemon[] = [];
  const make = async (more: Partial<DaemonParts> = {}) => {
    const clock = new SystemClock();
    const logger = new LogBook();
    const transport = new InProcessTransport({ broker: new InProcessBroker(clock), clock, logger });
    const plans = [planFrom({ steps: [{ name: 'check', kind: 'check' }] })];
    const daemon = await createDaemon({ plans, store: new InMemorySagaStore(clock), transport, logger, http: ANY_PORT, ...more });
    running.push(daemon);
    return daemon;
  };
  afterEach(async () => {
    for (const daemon of running.splice(0)) await daemon.stop();
  });

  it('counts what its engine does, and tells whoever else listens', async () => {
    const ended: string[] = [];
    const daemon = await make({ observer: { sagaEnded: ({ end }) => void ended.push(end!) } });
    await daemon.orchestrator.start({ name: 'test-saga', input: {} });
    const text = await (await fetch(`${daemon.url}/metrics`)).text();
    expect(text).toContain('backstep_sagas_ended_total{saga="test-saga",outcome="completed"} 1');
    expect(text).toContain('backstep_broker_up 1');
    expect(ended).toEqual(['completed']);
    expect(daemon.metricsUrl).toBeUndefined();
  });

  it('tells what all daemons did that share it, also of one that is gone', async () => {
    const activityLog = new InMemoryActivityLog();
    const one = await make({ activityLog });
    await one.orchestrator.start({ name: 'test-saga', input: {} });
    await running.pop()!.stop();
    const activityOf = async ({ url }: Daemon) => (await (await fetch(`${url}/api/v1/activity`)).json()) as ActivityView;
    const { of, minutes, durations } = await activityOf(await make({ activityLog }));
    expect([of, minutes.length, minutes.reduce((sum, { completed }) => sum + completed, 0)]).toEqual(['installation', 60, 1]);
    expect(durations).toMatchObject([{ name: 'test-saga', outcome: 'completed', count: 1 }]);
    expect(await activityOf(await make())).toMatchObject({ of: 'daemon', durations: [] });
  });

  it('serves its metrics on a port of their own as well, which ends with it', async () => {
    const daemon = await make({ measureOn: ANY_PORT });
    const alone = await (await fetch(daemon.metricsUrl!)).text();
    expect(alone).toContain('backstep_sagas_started_total{saga="test-saga"} 0');
    expect(new URL(daemon.metricsUrl!).port).not.toBe(new URL(daemon.url).port);
    await running.pop()!.stop();
    await expect(fetch(daemon.metricsUrl!)).rejects.toThrow('fetch failed');
  });

  it('gives everything back when a port cannot be had, and says which', async () => {
    const other = await make();
    const taken = {
      host: '127.0.0.1',
      port: Number(new URL(other.url).port),
      chosenBy: { host: '--metrics-host', port: '--metrics-port' },
    };
    const clock = new SystemClock();
    const store = new InMemorySagaStore(clock);
    let isClosed = false;
    store.close = () => Promise.resolve(void (isClosed = true));
    await expect(make({ store, measureOn: taken })).rejects.toThrow(/is in use.*--metrics-port$/);
    expect(isClosed).toBe(true);
  });
});
