import { z } from 'zod';
import { readOidc } from '../access/oidc.js';
import { readTokens } from '../access/tokens.js';
import { parseDuration } from '../core/duration.js';
import { SagaError } from '../core/errors.js';
import { TRACE_ID } from '../http/trace-link.js';

/** `process.env`, or what a test puts in its place. */
export type Environment = Readonly<Record<string, string | undefined>>;
/** Values of command-line flags, by variable; `undefined` where the flag was not given. */
export type Flags = { readonly [V in Variable]?: string | undefined };
export type Variable = keyof typeof VARIABLES;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const EXAMPLE = {
  postgres: 'postgres://user:password@localhost:5432/backstep',
  rabbitmq: 'amqp://user:password@localhost:5672',
  server: 'http://127.0.0.1:7420',
  trace: 'https://jaeger.example.com/trace/{traceId}',
} as const;
/** As in queue names and as a database schema; 41 leaves room for what is put around it. */
const NAMESPACE = /^[a-z][a-z0-9_]{0,40}$/;

const port = z.string().transform((text, context) => {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value <= 65_535) return value;
  context.addIssue('must be a port: a whole number up to 65535 (0: any free one)');
  return z.NEVER;
});
const wait = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  context.addIssue("must be a duration such as '30s'");
  return z.NEVER;
});
const listOf = (text: string) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

/**
 * Everything that can be configured: variable → flag, default, meaning, schema. What may hold a password has no flag: arguments can be
 * seen by every user of the machine.
 */
export const VARIABLES = {
  BACKSTEP_POSTGRES_URL: {
    flag: undefined,
    fallback: undefined,
    meaning: 'PostgreSQL; one URL, or several with commas between them: the first that is writable is used',
    example: EXAMPLE.postgres,
    schema: urlList('PostgreSQL', ['postgres:', 'postgresql:'], EXAMPLE.postgres),
  },
  BACKSTEP_RABBITMQ_URL: {
    flag: undefined,
    fallback: undefined,
    meaning: 'RabbitMQ; one URL, or several with commas between them: nodes of one cluster, tried in turn',
    example: EXAMPLE.rabbitmq,
    schema: urlList('RabbitMQ', ['amqp:', 'amqps:'], EXAMPLE.rabbitmq),
  },
  BACKSTEP_PARTICIPANTS_POSTGRES_URL: {
    flag: undefined,
    fallback: undefined,
    meaning: 'PostgreSQL of `backstep participants`; BACKSTEP_POSTGRES_URL when it is not set',
    example: EXAMPLE.postgres,
    schema: urlList('PostgreSQL', ['postgres:', 'postgresql:'], EXAMPLE.postgres),
  },
  BACKSTEP_SIGNING_KEYS: {
    flag: undefined,
    fallback: undefined,
    meaning: 'keys with which messages are signed, as JSON, or the path of a file with it; without them messages are not signed',
    example: '/run/secrets/backstep-keys.json',
    schema: z.string(),
  },
  BACKSTEP_PAYLOAD_KEYS: {
    flag: undefined,
    fallback: undefined,
    meaning:
      'keys with which sensitive parts of payloads are sealed, as JSON, or the path of a file with it; without them nothing is sealed',
    example: '/run/secrets/backstep-payload-keys.json',
    schema: z.string(),
  },
  BACKSTEP_NAMESPACE: {
    flag: '--namespace',
    fallback: 'backstep',
    meaning: 'the database schema and the prefix of queues; installations that share a server differ in it',
    example: 'backstep',
    schema: z.string().regex(NAMESPACE, 'must be lower-case letters, digits and _, begin with a letter and have at most 41'),
  },
  BACKSTEP_HTTP_PORT: {
    flag: '--port',
    fallback: '7420',
    meaning: 'port of the HTTP API; 0: any free one',
    example: '7420',
    schema: port,
  },
  BACKSTEP_METRICS_PORT: {
    flag: '--metrics-port',
    fallback: undefined,
    meaning: 'port on which `/metrics` is served alone; 0: any free one. The HTTP API serves it in any case',
    example: '9420',
    schema: port,
  },
  BACKSTEP_DEAD_LETTER_RETENTION: {
    flag: '--dead-letter-retention',
    fallback: '30d',
    meaning: 'how long dead letters are kept after they were replayed or discarded; those that wait are kept',
    example: '30d',
    schema: wait,
  },
  BACKSTEP_SAGAS: {
    flag: '--sagas',
    fallback: undefined,
    meaning: 'directories with sagas, with commas between them',
    example: './sagas',
    schema: z.string().transform(listOf),
  },
  BACKSTEP_TOKENS: {
    flag: undefined,
    fallback: undefined,
    meaning: 'who may call the API: entries as `backstep token new` prints them, with `;` between them',
    example: 'name=ops role=operate sha256=…',
    schema: z.string().transform((text, context) => {
      const { entries, faults } = readTokens(text);
      for (const fault of faults) context.addIssue(`cannot be used: ${fault}`);
      return faults.length > 0 ? z.NEVER : entries;
    }),
  },
  BACKSTEP_TOKENS_FILE: {
    flag: '--tokens-file',
    fallback: undefined,
    meaning: 'a file of such entries, one on each line; `#` begins a comment',
    example: '/etc/backstep/tokens',
    schema: z.string(),
  },
  BACKSTEP_OIDC: {
    flag: undefined,
    fallback: undefined,
    meaning: 'whose JWTs may call the API: `issuer=… audience=…` and the values of the role claim; see security.md',
    example: 'issuer=https://id.example.com audience=backstep operate=oncall',
    schema: z.string().transform((text, context) => {
      const { settings, faults } = readOidc(text);
      for (const fault of faults) context.addIssue(`cannot be used: ${fault}`);
      return settings ?? z.NEVER;
    }),
  },
  BACKSTEP_TRACE_URL: {
    flag: '--trace-url',
    fallback: undefined,
    meaning: 'where a trace can be looked at, with `{traceId}` in it; sagas then have a link to theirs',
    example: EXAMPLE.trace,
    schema: z.string().superRefine((text, context) => {
      const fault = traceUrlFault(text);
      if (fault) context.addIssue(`is no address of a trace (${fault}); a right one looks like ${EXAMPLE.trace}`);
    }),
  },
  BACKSTEP_RATE_LIMIT: {
    flag: '--rate-limit',
    fallback: '1000',
    meaning: 'requests a second for each token and for each address, where tokens are asked for; 0: no limit',
    example: '1000',
    schema: z.string().transform((text, context) => {
      const value = Number(text);
      if (/^\d{1,7}$/.test(text)) return value;
      context.addIssue('must be a whole number of requests a second (0: no limit)');
      return z.NEVER;
    }),
  },
  BACKSTEP_TOKEN: {
    flag: undefined,
    fallback: undefined,
    meaning: 'the token that the client commands send',
    example: 'bks_…',
    schema: z.string().regex(/^[\w.~+/-]+=*$/, 'is no token'),
  },
  BACKSTEP_TOKEN_FILE: {
    flag: '--token-file',
    fallback: undefined,
    meaning: 'a file with that token; the flag comes before BACKSTEP_TOKEN',
    example: '~/.config/backstep/token',
    schema: z.string(),
  },
  BACKSTEP_URL: {
    flag: '--url',
    fallback: EXAMPLE.server,
    meaning: 'the server that the client commands talk to',
    example: EXAMPLE.server,
    schema: z.string().superRefine((text, context) => {
      const fault = urlFault(text, ['http:', 'https:']);
      if (fault) context.addIssue(`is no URL of a server (${fault}); a right one looks like ${EXAMPLE.server}`);
    }),
  },
  BACKSTEP_LOG_LEVEL: {
    flag: '--log-level',
    fallback: 'info',
    meaning: `how much is logged: ${LOG_LEVELS.join(', ')}`,
    example: 'info',
    schema: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`),
  },
} as const;

type ValueOf<V extends Variable> = z.infer<(typeof VARIABLES)[V]['schema']>;
type Values<V extends Variable, O extends Variable> = { readonly [K in V]: ValueOf<K> } & { readonly [K in O]?: ValueOf<K> };

/**
 * Flags before environment before defaults. Throws SAGA_CONFIG_INVALID with every fault at once; values that may hold passwords are
 * never part of a message. An empty variable counts as not set.
 */
export function readConfig<V extends Variable, O extends Variable = never>(
  wanted: { readonly required: readonly V[]; readonly optional?: readonly O[] },
  flags: Flags,
  environment: Environment,
): Values<V, O> {
  const faults: string[] = [];
  const values: Partial<Record<Variable, unknown>> = {};
  const read = (variable: Variable, isRequired: boolean) => {
    const { flag, fallback, schema, example } = VARIABLES[variable];
    const isFlag = flags[variable] !== undefined;
    const text = flags[variable] ?? (environment[variable]?.trim() || fallback);
    if (text === undefined) {
      if (isRequired) faults.push(`${variable} is not set${flag ? ` (nor ${flag})` : ''}; a right value looks like ${example}`);
      return;
    }
    const result = schema.safeParse(text);
    if (result.success) values[variable] = result.data;
    else for (const { message } of result.error.issues) faults.push(`${isFlag ? flag : variable} ${message}`);
  };
  for (const variable of wanted.required) read(variable, true);
  for (const variable of wanted.optional ?? []) read(variable, false);
  if (faults.length > 0) throw new SagaError('SAGA_CONFIG_INVALID', 'the configuration is wrong:', faults);
  return Object.freeze(values) as Values<V, O>;
}

/** A `--wait-for-database` or the like, in milliseconds; throws SAGA_CONFIG_INVALID. */
export function readDuration(flag: string, text: string): number {
  const result = wait.safeParse(text);
  if (result.success) return result.data;
  throw new SagaError('SAGA_CONFIG_INVALID', `${flag} ${result.error.issues[0]!.message}`);
}

function urlList(what: string, schemes: readonly string[], example: string) {
  return z.string().superRefine((text, context) => {
    const urls = listOf(text);
    for (const [index, url] of urls.entries()) {
      const fault = urlFault(url, schemes);
      const which = urls.length > 1 ? `holds ${urls.length} URLs, of which number ${index + 1}` : '';
      if (fault) context.addIssue(`${which} is no ${what} URL (${fault}); a right one looks like ${example}`.trimStart());
    }
  });
}

/** What is wrong with a URL, without repeating it: it may hold a password. */
function urlFault(text: string, schemes: readonly string[]): string | undefined {
  if (!URL.canParse(text)) return 'it cannot be read as a URL; special characters in user or password are written as %XX';
  const { protocol, hostname } = new URL(text);
  if (!schemes.includes(protocol)) return `it begins with ${protocol}//, not ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`;
  return hostname === '' && protocol.startsWith('http') ? 'it names no host' : undefined;
}

/** Whoever looks at a saga gets it, so it must hold no secret. */
function traceUrlFault(text: string): string | undefined {
  if (!text.includes(TRACE_ID)) return `${TRACE_ID}, in whose place the id goes, is not in it`;
  const filled = text.replaceAll(TRACE_ID, '0'.repeat(32));
  const fault = urlFault(filled, ['http:', 'https:']);
  if (fault) return fault;
  const { username, password } = new URL(filled);
  return username + password === '' ? undefined : 'it holds a user or password, and every page that links to a trace would show them';
}
