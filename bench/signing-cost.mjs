// What signing and checking one message costs, in microseconds of CPU: node bench/signing-cost.mjs. Least of several rounds.
import { encodeCommand } from '../dist/src/core/codec-commands.js';
import { encodeReply } from '../dist/src/core/codec-replies.js';
import { namesIn } from '../dist/src/core/wire.js';
import { payload } from './lib/load.mjs';
import { NAME, PARTICIPANT_NAMES } from './lib/servers.mjs';
import { signingOf } from './systems/signing.mjs';

const [participant] = PARTICIPANT_NAMES;
const names = namesIn(NAME);
const facts = { appId: NAME, now: 1_764_000_000_000 };
const id = '019ab0e2-7c00-7000-8000-000000000001.act.a.1';
const command = encodeCommand(
  {
    id,
    participant,
    type: `${participant}.act`,
    sagaId: id.split('.')[0],
    sagaName: 'bench',
    sagaVersion: 1,
    sagaKey: undefined,
    step: 'act',
    phase: 'a',
    attempt: 1,
    execution: 1,
    firstSentAt: facts.now,
    action: undefined,
    traceparent: undefined,
    body: JSON.stringify(payload(1)),
    expirationMs: 60_000,
  },
  names,
  facts,
);
const reply = encodeReply({ commandId: id, outcome: 'success', attempt: 1, body: '{"ref":"a-1"}' }, names, facts);

/** Microseconds of CPU for one call, the least of some rounds: others on the machine only add. */
function costOf(work, calls) {
  let least = Infinity;
  for (let round = 0; round < 15; round++) {
    const before = process.cpuUsage();
    for (let call = 0; call < calls; call++) work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / calls);
  }
  return least.toFixed(1);
}

for (const [how, calls] of [
  ['hmac', 10_000],
  ['ed25519', 500],
]) {
  const [daemon, host] = [signingOf(how, 'daemon'), signingOf(how, 'participants')];
  const [signedCommand, signedReply] = [daemon.signCommand(command, participant), host.signReply(reply, participant)];
  if (!host.judgeCommand(signedCommand.message, participant).ok || !daemon.judgeReply(signedReply.message).ok)
    throw new Error('not genuine');
  const costs = {
    'sign command': costOf(() => daemon.signCommand(command, participant), calls),
    'check command': costOf(() => host.judgeCommand(signedCommand.message, participant), calls),
    'sign reply': costOf(() => host.signReply(reply, participant), calls),
    'check reply': costOf(() => daemon.judgeReply(signedReply.message), calls),
  };
  console.log(how, costs);
}
