import { describe, expect, it } from '@jest/globals';
import { newToken } from '../../../src/access/tokens.js';
import { openDatabase } from '../../../src/main/database.js';
import { createLogger, withoutSecrets } from '../../../src/main/log.js';
import { openRabbitMq } from '../../../src/main/rabbitmq.js';
import { SystemClock } from '../../../src/main/system.js';
import { eventually } from '../../support/eventually.js';

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
  it('holds no password, token or key that a field, a setting or a header names', () => {
    const lines: string[] = [];
    const logger = createLogger('info', (line) => lines.push(line));
    const key = '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----';
    logger.error({ password: 'hunter2', accessToken: 'hunter2', apiKey: 'hunter2', stack: key }, 'host=db password=hunter2 user=app');
    logger.error({ error: JSON.stringify({ client_secret: 'hunter2', at: 1 }) }, 'authorization: Bearer hunter2.hunter2');
    logger.error({}, 'postgres://db/x?user=app&password=hunter2');
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ password: '***' }, {}, {}]);
    expect(lines[0]).toContain('user=app');
  });

  it('holds no password of servers that cannot be reached', async () => {
    const lines: string[] = [];
    const logger = createLogger('debug', (line) => lines.push(line));
    const clock = new SystemClock();
    const url = 'amqp://app:hunter2@127.0.0.1:1/orders';
    const transport = openRabbitMq({ url, namespace: 'backstep', clock, logger });
    const consuming = transport.consume('backstep.replies', { prefetch: 1 }, () => undefined).catch(() => undefined);
    const database = 'postgres://app:hunter2@127.0.0.1:1/orders';
    await expect(openDatabase({ url: database, namespace: 'backstep', logger, clock, waitMs: 1 })).rejects.toThrow(/cannot/);
    await eventually(() => lines.some((line) => line.includes('RabbitMQ')), { withinMs: 10_000, what: 'the broker is missed' });
    await transport.close();
    await consuming;
    expect(lines.join('')).not.toContain('hunter2');
  }, 30_000);

  it('leaves text without passwords as it is', () => {
    const text = 'http://127.0.0.1:7420/a@b mail a:b@c {"at":"12:00@x","key":"o-1"} the bearer of this';
    expect(withoutSecrets(text)).toBe(text);
  });
});
