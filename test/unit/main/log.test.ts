import { describe, expect, it } from '@jest/globals';
import { newToken } from '../../../src/access/tokens.js';
import { createLogger, withoutPasswords } from '../../../src/main/log.js';

describe('the log', () => {
  it('[I9] holds no password of a URL, wherever in the line it stands', () => {
    const lines: string[] = [];
    const logger = createLogger('info', (line) => lines.push(line));
    logger.error({ url: 'postgres://app:hunter2@db/x', error: 'connect amqps://a:p%40ss@mq:5671/v failed' }, 'not amqp://x:y@z');
    expect(lines.join('')).not.toMatch(/hunter2|p%40ss|:y@/);
    expect(lines.join('')).toContain('postgres://app:***@db/x');
  });

  it('[I4] keeps one record on one line', () => {
    const lines: string[] = [];
    createLogger('info', (line) => lines.push(line)).info({ reason: 'a\nb\u001b[2J' }, 'c\nd');
    expect(lines).toHaveLength(1);
    expect(lines[0]!.trimEnd()).not.toMatch(/\p{Cc}/u);
  });

  it('[I9] holds no token, wherever in the line it stands', () => {
    const lines: string[] = [];
    const { token } = newToken({ name: 'a', role: 'read' });
    const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2ln';
    createLogger('info', (line) => lines.push(line)).info({ header: `Bearer ${token}` }, `was sent ${jwt}`);
    expect(lines[0]).toMatch(/"Bearer bks_\*\*\*".*"was sent eyJ\*\*\*"/);
  });

  it('leaves text without passwords as it is', () => {
    const text = 'http://127.0.0.1:7420/a@b mail a:b@c {"at":"12:00@x"}';
    expect(withoutPasswords(text)).toBe(text);
  });
});
