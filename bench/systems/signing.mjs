// Keys for a run with signed messages: both processes make the same ones, each with the halves that are its own.
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { openSigning } from '../../dist/src/orchestrator.js';
import { NAME, PARTICIPANT_NAMES } from '../lib/servers.mjs';

/** What `BACKSTEP_SIGNING_KEYS` would say; `undefined` for a run without signatures. */
export function keysFor(signing, side) {
  if (!signing) return undefined;
  const isDaemon = side === 'daemon';
  const keys =
    signing === 'hmac'
      ? PARTICIPANT_NAMES.map((name) => ({ id: name, participant: name, secret: bytesFor(name).toString('base64') }))
      : [
          pair('orchestrator', { orchestrator: true }, isDaemon),
          ...PARTICIPANT_NAMES.map((name) => pair(name, { participant: name }, !isDaemon)),
        ];
  return JSON.stringify({ keys });
}
export const signingOf = (signing, side) => openSigning(keysFor(signing, side), NAME);

const bytesFor = (name) => createHash('sha256').update(`bench ${name}`).digest();

function pair(id, owner, both) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), bytesFor(id)]);
  const jwk = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({ format: 'jwk' });
  return { id, ...owner, algorithm: 'ed25519', publicKey: jwk.x, ...(both && { privateKey: bytesFor(id).toString('base64') }) };
}
