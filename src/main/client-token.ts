import { readFileSync } from 'node:fs';
import { messageOf, SagaError } from '../core/errors.js';
import { readConfig, type Environment } from './config.js';

/** The token of a client command: the flag's file, else the variable, else the variable's file. Throws SAGA_CONFIG_INVALID. */
export function readClientToken(flag: string | undefined, environment: Environment): string | undefined {
  const optional = ['BACKSTEP_TOKEN', 'BACKSTEP_TOKEN_FILE'] as const;
  const config = readConfig({ required: [], optional }, { BACKSTEP_TOKEN_FILE: flag }, flag === undefined ? environment : {});
  const file = config.BACKSTEP_TOKEN_FILE;
  if (config.BACKSTEP_TOKEN !== undefined || file === undefined) return config.BACKSTEP_TOKEN;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error: unknown) {
    throw new SagaError('SAGA_CONFIG_INVALID', `the file with the token cannot be read: ${messageOf(error)}`, [], { cause: error });
  }
  const token = readConfig({ required: [], optional }, { BACKSTEP_TOKEN: text.trim() }, {}).BACKSTEP_TOKEN;
  if (token === undefined) throw new SagaError('SAGA_CONFIG_INVALID', `${file} holds no token`);
  return token;
}
