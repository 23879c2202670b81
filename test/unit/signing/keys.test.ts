import { describe, expect, it } from '@jest/globals';
import { SagaError } from '../../../src/core/errors.js';
import { readSigningKeys } from '../../../src/signing/keys.js';
import { hmacKey, pairFor, pairKey, secretFor, signingOf, signingWith, type KeyText } from '../../support/signing.js';

function faultsOf(text: string): readonly string[] {
  try {
    readSigningKeys(text);
    return [];
  } catch (error: unknown) {
    expect(error).toMatchObject({ code: 'SAGA_CONFIG_INVALID' });
    return (error as SagaError).faults;
  }
}
const faultsOfKeys = (...keys: readonly object[]) => faultsOf(JSON.stringify({ keys }));
const { publicKey, privateKey } = pairFor('x');
const secret = secretFor('x');

describe('signing keys', () => {
  it('are read, with who may go without', () => {
    const keys = [
      hmacKey('payments'),
      hmacKey('payments', 'payments-0', { state: 'accepted' }),
      pairKey({ orchestrator: true }, 'o-1', true),
    ];
    const read = readSigningKeys(JSON.stringify({ keys, unsignedAllowed: { participants: ['mail'] } }));
    expect(read.keys.map(({ id, algorithm, state }) => `${id} ${algorithm} ${state}`)).toEqual([
      'payments-1 hmac-sha256 active',
      'payments-0 hmac-sha256 accepted',
      'o-1 ed25519 active',
    ]);
    expect([...read.unsignedParticipants]).toEqual(['mail']);
    expect(read.unsignedStarts).toBe(false);
  });

  it('may be in both alphabets of base64, and a revoked one needs no secret any more', () => {
    const bytes = Buffer.alloc(32, 0xfb);
    expect(faultsOfKeys({ id: 'a', participant: 'a', secret: bytes.toString('base64url') })).toEqual([]);
    expect(faultsOfKeys({ id: 'a', participant: 'a', secret: bytes.toString('base64') })).toEqual([]);
    expect(faultsOfKeys({ id: 'a', participant: 'a', state: 'revoked' })).toEqual([]);
  });

  it.each<[string, readonly object[], RegExp]>([
    ['of nobody', [{ id: 'a', secret }], /^key a must say one of participant, client and orchestrator$/],
    ['of two', [{ id: 'a', participant: 'p', client: 'c', secret }], /must say one of/],
    ['without a secret', [{ id: 'a', participant: 'p' }], /has no secret/],
    ['with a short secret', [{ id: 'a', participant: 'p', secret: 'c2hvcnQ=' }], /less than 32 bytes/],
    ['of the orchestrator that all share', [{ id: 'a', orchestrator: true, secret }], /whoever could check it could sign with it/],
    ['of two algorithms', [{ id: 'a', participant: 'p', secret, publicKey }], /is an HMAC key: it has a secret/],
    ['with a secret beside a pair', [{ id: 'a', participant: 'p', algorithm: 'ed25519', secret, publicKey }], /is an Ed25519 key/],
    ['without either half', [{ id: 'a', participant: 'p', algorithm: 'ed25519' }], /neither publicKey nor privateKey/],
    [
      'whose halves are of two pairs',
      [{ id: 'a', participant: 'p', algorithm: 'ed25519', privateKey, publicKey: pairFor('y').publicKey }],
      /does not belong/,
    ],
    ['with another algorithm', [{ id: 'a', participant: 'p', algorithm: 'none', secret }], /^keys\.0\.algorithm: /],
    [
      'that are there twice',
      [
        { id: 'a', participant: 'p', secret },
        { id: 'a', participant: 'q', secret: secretFor('y') },
      ],
      /key a is there twice/,
    ],
    ['of which two sign', [hmacKey('p', 'p-1'), hmacKey('p', 'p-2')], /participant p has 2 active keys \(p-1, p-2\)/],
    [
      'that two owners share',
      [
        { id: 'a', participant: 'p', secret },
        { id: 'b', participant: 'q', secret },
      ],
      /keys a and b are the same key/,
    ],
  ])('%s are refused', (_, keys, fault) => {
    expect(faultsOfKeys(...keys)).toEqual([expect.stringMatching(fault)]);
  });

  it('that are wrong are all told of at once, and no secret with them', () => {
    const faults = faultsOfKeys({ id: 'a', secret }, { id: 'b', participant: 'p', secret: 'c2hvcnQ=' }, { id: 'c', participant: 'p' });
    expect(faults).toHaveLength(3);
    for (const text of ['{"keys": [', `{"secret": "${secret}"`, JSON.stringify({ keys: [{ id: 'a', secret, more: secret }] })])
      for (const fault of faultsOf(text)) expect(fault).not.toContain(secret);
  });

  it('have to be there for whoever is spoken to', () => {
    const both = signingWith(hmacKey('payments'));
    expect(both.orchestratorFaults(['payments'])).toEqual([]);
    expect(both.orchestratorFaults(['payments', 'mail', 'stock'])).toHaveLength(4);
    expect(both.participantFaults(['payments', 'mail'])).toEqual(['there is no active key of mail to sign its replies with']);
    const migrating = signingOf({ keys: [hmacKey('payments')], unsignedAllowed: { participants: ['mail'] } });
    expect([...migrating.orchestratorFaults(['payments', 'mail']), ...migrating.participantFaults(['mail'])]).toEqual([]);
  });

  it('that are pairs need the private half where it signs and the public half where it is checked', () => {
    const mine = (of: KeyText, ...more: readonly KeyText[]) => signingWith(of, ...more);
    const [orchestrator, payments] = [{ orchestrator: true }, { participant: 'payments' }] as const;
    const atOrchestrator = mine(pairKey(orchestrator, 'o', true), pairKey(payments, 'p', false));
    expect(atOrchestrator.orchestratorFaults(['payments'])).toEqual([]);
    expect(atOrchestrator.participantFaults(['payments'])).toEqual(['there is no active key of payments to sign its replies with']);
    const atPayments = mine(pairKey(orchestrator, 'o', false), pairKey(payments, 'p', true));
    expect(atPayments.participantFaults(['payments'])).toEqual([]);
    expect(atPayments.orchestratorFaults(['payments'])).toEqual([expect.stringContaining('to sign commands to payments with')]);
    expect(mine(pairKey(payments, 'p', true)).participantFaults(['payments'])).toEqual([
      'there is no key of the orchestrator to check commands to payments with',
    ]);
  });
});
