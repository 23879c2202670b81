import { pino, type DestinationStream } from 'pino';
import type { Logger } from '../ports/logger.js';
import type { LogLevel } from './config.js';

const PASSWORD_IN_URL = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"\\]*):[^\s"/]+@/gi;

/** Of this package, or a JWT. */
const TOKEN = /\b(bks_)[\w-]{20,}|\b(eyJ)[\w-]{10,}\.[\w-]+\.[\w-]*/g;
/** Where else secrets stand: in fields and settings that are called so, after `Bearer`, in a key's text. */
const FIELD =
  /("(?:[a-z0-9_-]*(?:password|passwd|secret|token)|authorization|api[_-]?key|private[_-]?key)\\?"\s*:\s*\\?")(?:[^"\\]|\\[^"])*/gi;
const SETTING = /\b([a-z0-9_]*(?:password|passwd|secret|token)|api_?key)=[^\s&"',;\\]+/gi;
const BEARER = /\bbearer\s+[a-z0-9._~+/=-]{8,}/gi;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=")|$)/gs;

/** Text without passwords, tokens and keys in it, as far as they can be told from other text. */
export function withoutSecrets(text: string): string {
  return text
    .replace(PASSWORD_IN_URL, '$1:***@')
    .replace(TOKEN, '$1$2***')
    .replace(FIELD, '$1***')
    .replace(SETTING, '$1=***')
    .replace(BEARER, 'Bearer ***')
    .replace(PRIVATE_KEY, '(a private key)');
}

/**
 * Logs lines of JSON. Secrets are taken out of the finished line, wherever in it they stand: an error's message or stack is
 * where nobody looks for them. `write` gets whole lines.
 */
export function createLogger(level: LogLevel, write: (line: string) => void): Logger {
  const destination: DestinationStream = { write: (line) => write(withoutSecrets(line)) };
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}
