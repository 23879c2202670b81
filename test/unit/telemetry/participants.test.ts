import { afterEach, describe, expect, it } from '@jest/globals';
import { handlersOf } from '../../../src/saga/handlers.js';
import { Metrics } from '../../../src/telemetry/metrics.js';
import { commandOf } from '../participant/commands.js';
import { Payments, Stand } from '../participant/stand.js';
import { seriesOf } from './samples.js';

describe('the metrics of participants', () => {
  let stand: Stand;
  const metrics = () => {
    const made = new Metrics();
    const observer = made.participants([handlersOf(stand.payments())], stand.names);
    return { observer, read: async (name: string) => seriesOf((await made.scrape()).text, name) };
  };
  afterEach(async () => {
    const stopped = stand.host.stop();
    await stand.clock.advance(20_000);
    await stopped;
  });

  it('count commands by how they were answered, in groups, and what nobody can read', async () => {
    stand = new Stand();
    const { observer, read } = metrics();
    await stand.start({ observer });
    await stand.send(commandOf({ step: 'one' }), commandOf({ step: 'two' }));
    stand.charge = () => Promise.reject(Payments.charge.rejection('card-declined'));
    await stand.send(commandOf({ step: 'three' }));
    stand.charge = () => Promise.reject(new Error('x"} 1\nevil'));
    await stand.send(commandOf({ step: 'four' }));
    await stand.send(commandOf({ step: 'five', phase: 'f' }));
    await stand.send(commandOf({ step: 'six', type: 'payments.strange' }));
    expect(await read('backstep_commands_answered_total')).toEqual({
      '{participant="payments",command="payments.charge",outcome="success"}': 2,
      '{participant="payments",command="payments.charge",outcome="rejected"}': 1,
      '{participant="payments",command="payments.charge",outcome="error"}': 1,
      '{participant="payments",command="backstep.fence",outcome="rejected"}': 1,
    });
    expect(await read('backstep_dead_letters_total')).toEqual({ '{queue="backstep.commands.payments",reason="not-handled"}': 1 });
    const groups = await read('backstep_group_commands_count');
    expect(groups['{participant="payments"}']).toBeGreaterThan(0);
    expect(await read('backstep_group_duration_seconds_count')).toEqual(groups);
  });

  it('take a participant that was not announced, and a command of it, for another', async () => {
    stand = await new Stand().start();
    const { observer, read } = metrics();
    observer.answered!({ participant: 'x"} 1', type: 'x.y', outcome: 'success' });
    observer.answered!({ participant: 'payments', type: 'payments.gone', outcome: 'error' });
    observer.groupCommitted!({ participant: 'nobody', commands: 1, ms: 1 });
    observer.groupFailed!({ participant: 'payments', commands: 3, why: 'x' });
    observer.deadLettered!({ queue: 'somewhere', reason: 'something' });
    expect(await read('backstep_commands_answered_total')).toEqual({
      '{participant="(other)",command="(other)",outcome="success"}': 1,
      '{participant="(other)",command="(other)",outcome="error"}': 1,
    });
    expect(await read('backstep_group_commands_count')).toEqual({});
    expect(await read('backstep_groups_undone_total')).toEqual({ '{participant="payments"}': 1 });
    expect(await read('backstep_dead_letters_total')).toEqual({ '{queue="(other)",reason="unreadable"}': 1 });
  });
});
