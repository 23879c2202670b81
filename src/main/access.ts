import { readFile } from 'node:fs/promises';
import { ACCESS_OFF, accessWith, type Access } from '../access/access.js';
import type { OidcSettings } from '../access/oidc.js';
import { readTokens, type TokenEntry } from '../access/tokens.js';
import { messageOf, SagaError } from '../core/errors.js';
import { isOfThisMachine } from '../http/access/same-machine.js';
import type { ListenOptions } from '../http/server.js';
import { SystemClock } from './system.js';

/** What a server is told about who may call it. */
export const ACCESS_VARIABLES = ['BACKSTEP_TOKENS', 'BACKSTEP_TOKENS_FILE', 'BACKSTEP_OIDC'] as const;
export interface AccessConfig {
  readonly BACKSTEP_TOKENS?: readonly TokenEntry[];
  readonly BACKSTEP_TOKENS_FILE?: string;
  readonly BACKSTEP_OIDC?: OidcSettings;
  readonly BACKSTEP_RATE_LIMIT: number;
}

/** Throws SAGA_CONFIG_INVALID for a file that cannot be used, or a token that is there twice. */
export async function openAccess(config: AccessConfig): Promise<Access> {
  const file = config.BACKSTEP_TOKENS_FILE;
  const tokens = [...(config.BACKSTEP_TOKENS ?? []), ...(file === undefined ? [] : await tokensIn(file))];
  const names = tokens.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  if (twice.length > 0)
    throw new SagaError('SAGA_CONFIG_INVALID', `BACKSTEP_TOKENS and ${file} both have a token named ${[...new Set(twice)].join(', ')}`);
  return accessWith({ tokens, oidc: config.BACKSTEP_OIDC, rateLimit: config.BACKSTEP_RATE_LIMIT }, new SystemClock());
}

async function tokensIn(file: string): Promise<readonly TokenEntry[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error: unknown) {
    throw new SagaError('SAGA_CONFIG_INVALID', `the file of tokens cannot be read: ${messageOf(error)}`, [], { cause: error });
  }
  const { entries, faults: wrong } = readTokens(text);
  const faults = entries.length + wrong.length === 0 ? ['it has no token; backstep token new prints one'] : wrong;
  if (faults.length > 0) throw new SagaError('SAGA_CONFIG_INVALID', `the file of tokens ${file} cannot be used:`, faults);
  return entries;
}

/** Throws SAGA_CONFIG_INVALID where a server that asks nobody who they are would be reached by others. */
export function assertSafe({ host }: ListenOptions, { isOn }: Access = ACCESS_OFF): void {
  if (isOn || isOfThisMachine(host)) return;
  throw new SagaError(
    'SAGA_CONFIG_INVALID',
    `without authentication the API listens on this machine only, not on ${host}: configure tokens (backstep token new makes one) or OIDC, or leave --host out`,
  );
}
