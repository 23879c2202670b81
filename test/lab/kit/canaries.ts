import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A text that is planted so that it can be looked for. */
export interface Canary {
  /** What it is, for sentences: the text itself is never told again. */
  readonly name: string;
  readonly text: string;
  /** `secret`: must be nowhere. `payload`: not in logs, metrics, audit, or what is said of dead letters. `control`: has to be found, or the search is no good. */
  readonly kind: 'secret' | 'payload' | 'control';
}

/** In an experiment's folder, with the texts; the one file of it in which nobody looks for them, beside `manifest.json`, which has the addresses. */
export const CANARIES_FILE = 'canaries.json';

const canary = (name: string) => `canary-${name}-${randomBytes(12).toString('hex')}`;
/** As `backstep token new` makes them. */
const TOKEN = `bks_${randomBytes(32).toString('base64url')}`;
/** Whose token it is: the name in histories and in the audit. */
export const OPERATOR = 'lab';
/** Of the private broker's user; it survives a wipe, because it is in the broker's configuration. */
export const BROKER_PASSWORD = canary('amqp');
const DATABASE_PASSWORD = canary('postgres');
/** Stands in messages that nobody can read. */
export const RUBBISH = canary('rubbish');

/** What an installation is configured with, and where it is noted. */
export interface Planted {
  readonly env: Readonly<Record<string, string>>;
  /** Sent with every request of the laboratory. */
  readonly token: string;
  /** The database's URL with a password in it, which a server that trusts everybody does not look at. */
  withPassword(url: string): string;
}

/** Secrets for an installation with private servers, noted in the folder; `participants` get signing keys. */
export function plant(directory: string, namespace: string, participants: readonly string[]): Planted {
  const keys = participants.map((participant) => ({
    participant,
    id: `${participant}-1`,
    secret: Buffer.from(canary(`key-${participant}`)).toString('base64'),
  }));
  const canaries: readonly Canary[] = [
    { name: 'the token', text: TOKEN, kind: 'secret' },
    { name: 'the password of the broker', text: BROKER_PASSWORD, kind: 'secret' },
    { name: 'the password of the database', text: DATABASE_PASSWORD, kind: 'secret' },
    ...keys.map(({ participant, secret }): Canary => ({ name: `the signing key of ${participant}`, text: secret, kind: 'secret' })),
    { name: 'the text of an unreadable message', text: RUBBISH, kind: 'payload' },
    { name: 'the namespace', text: namespace, kind: 'control' },
  ];
  writeFileSync(join(directory, CANARIES_FILE), `${JSON.stringify({ token: TOKEN, canaries }, undefined, 2)}\n`);
  const sha256 = createHash('sha256').update(TOKEN).digest('hex');
  return {
    token: TOKEN,
    env: {
      BACKSTEP_TOKENS: `name=${OPERATOR} role=admin sha256=${sha256}`,
      BACKSTEP_RATE_LIMIT: '0',
      // What hostile participants send is not signed, and is judged by what it says, as without keys.
      ...(keys.length > 0 ? { BACKSTEP_SIGNING_KEYS: JSON.stringify({ keys, unsignedAllowed: { participants, starts: true } }) } : {}),
    },
    withPassword: (url) => {
      const target = new URL(url);
      if (target.username === '') target.username = 'postgres';
      target.password = DATABASE_PASSWORD;
      return target.href;
    },
  };
}

/** What was planted in a folder; `undefined`: nothing. */
export function readCanaries(directory: string): { readonly token: string; readonly canaries: readonly Canary[] } | undefined {
  const file = join(directory, CANARIES_FILE);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { token: string; canaries: Canary[] }) : undefined;
}
