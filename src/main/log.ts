import { pino, type DestinationStream } from 'pino';
import type { Logger } from '../ports/logger.js';
import type { LogLevel } from './config.js';

const PASSWORD_IN_URL = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"\\]*):[^\s"/]+@/gi;

/** Of this package, or a JWT. */
const TOKEN = /\b(bks_)[\w-]{20,}|\b(eyJ)[\w-]{10,}\.[\w-]+\.[\w-]*/g;

/** Text without the passwords of URLs in it, and without tokens. */
export function withoutPasswords(text: string): string {
  return text.replace(PASSWORD_IN_URL, '$1:***@').replace(TOKEN, '$1$2***');
}

/**
 * Logs lines of JSON. Passwords in URLs are taken out of the finished line, wherever in it they stand: an error's message or stack is
 * where nobody looks for them. `write` gets whole lines.
 */
export function createLogger(level: LogLevel, write: (line: string) => void): Logger {
  const destination: DestinationStream = { write: (line) => write(withoutPasswords(line)) };
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
