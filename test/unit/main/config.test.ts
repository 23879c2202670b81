import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { SagaError } from '../../../src/core/errors.js';
import { readConfig, VARIABLES, type Environment, type Flags } from '../../../src/main/config.js';

const GOOD: Environment = { BACKSTEP_POSTGRES_URL: 'postgres://u:secret@db:5432/x', BACKSTEP_RABBITMQ_URL: 'amqp://u:secret@mq:5672' };
const SERVE = {
  required: ['BACKSTEP_POSTGRES_URL', 'BACKSTEP_RABBITMQ_URL', 'BACKSTEP_NAMESPACE', 'BACKSTEP_HTTP_PORT', 'BACKSTEP_LOG_LEVEL'],
  optional: ['BACKSTEP_SAGAS', 'BACKSTEP_TRACE_URL'],
} as const;

function faultsOf(environment: Environment, flags: Flags = {}): readonly string[] {
  try {
    readConfig(SERVE, flags, environment);
    return [];
  } catch (error: unknown) {
    expect(error).toBeInstanceOf(SagaError);
    expect((error as SagaError).code).toBe('SAGA_CONFIG_INVALID');
    return (error as SagaError).faults;
  }
}

describe('configuration', () => {
  it('takes flags before the environment before defaults', () => {
    const config = readConfig(SERVE, { BACKSTEP_HTTP_PORT: '1' }, { ...GOOD, BACKSTEP_HTTP_PORT: '2', BACKSTEP_LOG_LEVEL: 'warn' });
    expect(config).toMatchObject({ BACKSTEP_HTTP_PORT: 1, BACKSTEP_LOG_LEVEL: 'warn', BACKSTEP_NAMESPACE: 'backstep' });
    expect(readConfig(SERVE, {}, GOOD).BACKSTEP_HTTP_PORT).toBe(7420);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(readConfig(SERVE, {}, { ...GOOD, BACKSTEP_HTTP_PORT: ' ' }).BACKSTEP_HTTP_PORT).toBe(7420);
    expect(faultsOf({ ...GOOD, BACKSTEP_POSTGRES_URL: '' })).toEqual([expect.stringContaining('BACKSTEP_POSTGRES_URL is not set')]);
  });

  it('lists every fault at once, with the variable or flag and a right example', () => {
    const faults = faultsOf(
      { BACKSTEP_POSTGRES_URL: 'mysql://db/x', BACKSTEP_LOG_LEVEL: 'loud', BACKSTEP_HTTP_PORT: '80' },
      { BACKSTEP_HTTP_PORT: '70000', BACKSTEP_NAMESPACE: 'Über' },
    );
    expect(faults).toEqual([
      expect.stringMatching(
        /^BACKSTEP_POSTGRES_URL is no PostgreSQL URL \(it begins with mysql:.*postgres:\/\/user:password@localhost:5432\/backstep$/,
      ),
      expect.stringMatching(/^BACKSTEP_RABBITMQ_URL is not set; .*amqp:\/\/user:password@localhost:5672$/),
      expect.stringMatching(/^--namespace must be lower-case letters/),
      expect.stringMatching(/^--port must be a port/),
      expect.stringMatching(/^BACKSTEP_LOG_LEVEL must be one of debug, info/),
    ]);
  });

  it('never repeats a URL, which may hold a password', () => {
    for (const bad of ['postgres://u:geheim@[bad/x', 'u:geheim@host', 'http://u:geheim@host/', 'postgres://ok/x,mysql://u:geheim@h/x']) {
      const faults = faultsOf({ ...GOOD, BACKSTEP_POSTGRES_URL: bad });
      expect(faults).toHaveLength(1);
      expect(faults[0]).not.toContain('geheim');
    }
  });

  it.each([
    ['https://jaeger.example.com/trace/7', /^BACKSTEP_TRACE_URL is no address of a trace \(\{traceId\}, .* is not in it\)/],
    ['javascript:alert({traceId})', /it begins with javascript:/],
    ['https://ada:geheim@jaeger.example.com/trace/{traceId}', /it holds a user or password/],
    ['/trace/{traceId}', /cannot be read as a URL/],
  ])('refuses %s as the address of a trace', (url, why) => {
    const [fault, ...more] = faultsOf({ ...GOOD, BACKSTEP_TRACE_URL: url });
    expect(more).toEqual([]);
    expect(fault).toMatch(why);
    expect(fault).not.toContain('geheim');
  });

  it('takes an address of a trace with the id wherever it goes', () => {
    for (const url of ['http://localhost:16686/trace/{traceId}', 'https://grafana.example.com/explore?left={%22query%22:%22{traceId}%22}'])
      expect(readConfig(SERVE, {}, { ...GOOD, BACKSTEP_TRACE_URL: url }).BACKSTEP_TRACE_URL).toBe(url);
  });

  it('says which one of several URLs is wrong', () => {
    const [fault] = faultsOf({ ...GOOD, BACKSTEP_RABBITMQ_URL: 'amqp://a,http://b' });
    expect(fault).toContain('holds 2 URLs, of which number 2 is no RabbitMQ URL');
  });

  it('reads several directories of sagas', () => {
    expect(readConfig(SERVE, {}, { ...GOOD, BACKSTEP_SAGAS: 'a, b/c ,' }).BACKSTEP_SAGAS).toEqual(['a', 'b/c']);
  });

  it('is documented: every variable has its row in docs/configuration.md, with flag and default', () => {
    const page = readFileSync('docs/configuration.md', 'utf8');
    const rows = Object.entries(VARIABLES).map(
      ([variable, { flag, fallback, meaning }]) =>
        `| \`${variable}\` | ${flag ? `\`${flag}\`` : ''} | ${fallback ? `\`${fallback}\`` : ''} | ${meaning} |`,
    );
    for (const row of rows) expect(page).toContain(row);
    const named = [...page.matchAll(/^\| `(BACKSTEP_[A-Z_]+)`/gm)].map(([, variable]) => variable!);
    expect(named).toEqual(Object.keys(VARIABLES));
  });
});
