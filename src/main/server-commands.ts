import { Option, type Command } from 'commander';
import { several } from '../cli/arguments.js';
import { EXIT } from '../cli/exit-codes.js';
import type { Run } from '../cli/terminal.js';
import type { ListenOptions } from '../http/server.js';
import { ACCESS_VARIABLES, openAccess } from './access.js';
import { LOG_LEVELS, readConfig, readDuration, type Flags, type LogLevel } from './config.js';
import { runUntilStopped } from './lifetime.js';
import type { Host } from './host.js';

/** The flags of the commands that run something themselves, as commander gives them. */
interface ServerFlags {
  readonly sagas?: readonly string[];
  readonly host: string;
  readonly port?: string;
  readonly metricsHost: string;
  readonly metricsPort?: string;
  readonly deadLetterRetention?: string;
  readonly tokensFile?: string;
  readonly rateLimit?: string;
  readonly traceUrl?: string;
  readonly namespace?: string;
  readonly logLevel?: LogLevel;
  readonly allowOrphans?: boolean;
  readonly waitForDatabase: string;
  readonly only?: readonly string[];
  readonly directory: string;
}

/** Adds `serve`, `migrate`, `participants` and `dev`. What each needs is imported when it is called, so that `--help` is quick. */
export function addServerCommands(program: Command, host: Host, run: Run): void {
  listening(measured(database(sagaFolders(program.command('serve').description('run the daemon: engine and HTTP API')))))
    .option('--allow-orphans', 'start although sagas are in flight whose version is not loaded')
    .option('--dead-letter-retention <duration>', 'how long replayed and discarded dead letters are kept (default: 30d)')
    .action((flags: ServerFlags) => run(() => serve(host, flags)));
  database(program.command('migrate').description('bring the database schema up to date')).action((flags: ServerFlags) =>
    run(() => migrate(host, flags)),
  );
  measured(database(sagaFolders(program.command('participants').description('host the participants that saga folders export'))))
    .option('--only <names>', 'only these, with commas between them', (text: string, before?: readonly string[]) => [
      ...(before ?? []),
      ...text.split(',').map((name) => name.trim()),
    ])
    .action((flags: ServerFlags) => run(() => participants(host, flags)));
  listening(sagaFolders(program.command('dev').description('run everything in one process, with nothing installed')))
    .option('--directory <dir>', 'where the embedded database keeps its data', '.backstep')
    .action((flags: ServerFlags) => run(() => dev(host, flags)));
  program
    .command('permissions')
    .description('print what rabbitmqctl is told, so that every service may only what it has to')
    .option('--sagas <dir>', 'a folder with sagas, or with folders of them; may be repeated', several)
    .option('--namespace <name>', 'prefix of queues')
    .option('--user-prefix <text>', 'before the names of the users: orchestrator, and those of participants', 'backstep-')
    .option('--vhost <name>', 'the virtual host', '/')
    .action((flags: PermissionsFlags) => run(() => permissions(host, flags)));
}

/** What `permissions` is given. */
interface PermissionsFlags extends ServerFlags {
  readonly userPrefix: string;
  readonly vhost: string;
}

async function permissions(host: Host, { userPrefix, vhost, ...flags }: PermissionsFlags): Promise<number> {
  const config = readConfig({ required: ['BACKSTEP_SAGAS', 'BACKSTEP_NAMESPACE'] }, flagsOf(flags), host.environment);
  const { createLogger } = await import('./log.js');
  const { permissions: print } = await import('./commands/permissions.js');
  const logger = createLogger('warn', (line) => host.terminal.err(line));
  return print(host.terminal, { sagas: config.BACKSTEP_SAGAS, namespace: config.BACKSTEP_NAMESPACE, userPrefix, vhost }, logger);
}

function sagaFolders(command: Command): Command {
  return command
    .option('--sagas <dir>', 'a folder with sagas, or with folders of them; may be repeated', several)
    .addOption(new Option('--log-level <level>', 'how much is logged').choices(LOG_LEVELS));
}
function listening(command: Command): Command {
  return command
    .option('--host <address>', 'address to listen on; without authentication one that only this machine reaches', '127.0.0.1')
    .option('--port <port>', 'port of the HTTP API; 0: any free one')
    .option('--tokens-file <file>', 'who may call the API: entries as `backstep token new` prints them')
    .option('--rate-limit <n>', 'requests a second for each token and for each address; 0: no limit')
    .option('--trace-url <template>', 'where a trace can be looked at, with {traceId} in it');
}
function measured(command: Command): Command {
  return command
    .option('--metrics-host <address>', 'address on which --metrics-port listens', '127.0.0.1')
    .option('--metrics-port <port>', 'port on which /metrics is served alone; 0: any free one');
}
function database(command: Command): Command {
  return command
    .option('--namespace <name>', 'database schema and prefix of queues')
    .option('--wait-for-database <duration>', 'how long to wait for a database that is not up yet', '30s');
}

function flagsOf({
  sagas,
  port,
  metricsPort,
  deadLetterRetention,
  tokensFile,
  rateLimit,
  traceUrl,
  namespace,
  logLevel,
}: ServerFlags): Flags {
  return {
    BACKSTEP_SAGAS: sagas?.join(','),
    BACKSTEP_HTTP_PORT: port,
    BACKSTEP_METRICS_PORT: metricsPort,
    BACKSTEP_DEAD_LETTER_RETENTION: deadLetterRetention,
    BACKSTEP_TOKENS_FILE: tokensFile,
    BACKSTEP_RATE_LIMIT: rateLimit,
    BACKSTEP_TRACE_URL: traceUrl,
    BACKSTEP_NAMESPACE: namespace,
    BACKSTEP_LOG_LEVEL: logLevel,
  };
}
function listenOn({ host }: ServerFlags, port: number): ListenOptions {
  return { host, port };
}
function measureOn({ metricsHost }: ServerFlags, port: number | undefined): ListenOptions | undefined {
  if (port === undefined) return undefined;
  return { host: metricsHost, port, chosenBy: { host: '--metrics-host', port: '--metrics-port or BACKSTEP_METRICS_PORT' } };
}

async function serve(host: Host, flags: ServerFlags): Promise<number> {
  const config = readConfig(
    {
      required: [
        'BACKSTEP_POSTGRES_URL',
        'BACKSTEP_RABBITMQ_URL',
        'BACKSTEP_NAMESPACE',
        'BACKSTEP_HTTP_PORT',
        'BACKSTEP_SAGAS',
        'BACKSTEP_LOG_LEVEL',
        'BACKSTEP_DEAD_LETTER_RETENTION',
        'BACKSTEP_RATE_LIMIT',
      ],
      optional: ['BACKSTEP_METRICS_PORT', 'BACKSTEP_SIGNING_KEYS', 'BACKSTEP_PAYLOAD_KEYS', 'BACKSTEP_TRACE_URL', ...ACCESS_VARIABLES],
    },
    flagsOf(flags),
    host.environment,
  );
  const waitForDatabaseMs = readDuration('--wait-for-database', flags.waitForDatabase);
  const logger = await loggerFor(host, config.BACKSTEP_LOG_LEVEL);
  const access = await openAccess(config);
  return runUntilStopped(host.process, logger, async () => {
    const { serve: start } = await import('./commands/serve.js');
    return start({
      postgresUrl: config.BACKSTEP_POSTGRES_URL,
      rabbitmqUrl: config.BACKSTEP_RABBITMQ_URL,
      namespace: config.BACKSTEP_NAMESPACE,
      signingKeys: config.BACKSTEP_SIGNING_KEYS,
      payloadKeys: config.BACKSTEP_PAYLOAD_KEYS,
      sagas: config.BACKSTEP_SAGAS,
      http: listenOn(flags, config.BACKSTEP_HTTP_PORT),
      measureOn: measureOn(flags, config.BACKSTEP_METRICS_PORT),
      traceUrl: config.BACKSTEP_TRACE_URL,
      access,
      allowOrphans: flags.allowOrphans ?? false,
      deadLetterKeepMs: config.BACKSTEP_DEAD_LETTER_RETENTION,
      waitForDatabaseMs,
      logger,
    });
  });
}

async function migrate(host: Host, flags: ServerFlags): Promise<number> {
  const config = readConfig({ required: ['BACKSTEP_POSTGRES_URL', 'BACKSTEP_NAMESPACE'] }, flagsOf(flags), host.environment);
  const waitForDatabaseMs = readDuration('--wait-for-database', flags.waitForDatabase);
  const { createLogger } = await import('./log.js');
  const { migrateDatabase } = await import('./commands/migrate.js');
  const namespace = config.BACKSTEP_NAMESPACE;
  const logger = createLogger('warn', (line) => host.terminal.err(line));
  const ran = await migrateDatabase({ postgresUrl: config.BACKSTEP_POSTGRES_URL, namespace, waitForDatabaseMs, logger });
  const { terminal } = host;
  if (ran.length === 0) terminal.out(`the schema "${namespace}" is up to date\n`);
  else
    terminal.out(
      terminal.isTty ? `the schema "${namespace}" is up to date now; ran ${ran.join(', ')}\n` : ran.map((name) => `${name}\n`).join(''),
    );
  return EXIT.ok;
}

async function participants(host: Host, flags: ServerFlags): Promise<number> {
  const own = host.environment['BACKSTEP_PARTICIPANTS_POSTGRES_URL']?.trim();
  const database = own ? 'BACKSTEP_PARTICIPANTS_POSTGRES_URL' : 'BACKSTEP_POSTGRES_URL';
  const config = readConfig(
    {
      required: [database, 'BACKSTEP_RABBITMQ_URL', 'BACKSTEP_NAMESPACE', 'BACKSTEP_SAGAS', 'BACKSTEP_LOG_LEVEL'],
      optional: ['BACKSTEP_METRICS_PORT', 'BACKSTEP_SIGNING_KEYS', 'BACKSTEP_PAYLOAD_KEYS'],
    },
    flagsOf(flags),
    host.environment,
  );
  const waitForDatabaseMs = readDuration('--wait-for-database', flags.waitForDatabase);
  const logger = await loggerFor(host, config.BACKSTEP_LOG_LEVEL);
  return runUntilStopped(host.process, logger, async () => {
    const { hostParticipants } = await import('./commands/participants.js');
    return hostParticipants({
      postgresUrl: config[database],
      rabbitmqUrl: config.BACKSTEP_RABBITMQ_URL,
      namespace: config.BACKSTEP_NAMESPACE,
      signingKeys: config.BACKSTEP_SIGNING_KEYS,
      payloadKeys: config.BACKSTEP_PAYLOAD_KEYS,
      sagas: config.BACKSTEP_SAGAS,
      only: flags.only,
      measureOn: measureOn(flags, config.BACKSTEP_METRICS_PORT),
      waitForDatabaseMs,
      logger,
    });
  });
}

async function dev(host: Host, flags: ServerFlags): Promise<number> {
  const environment = { ...host.environment };
  environment['BACKSTEP_LOG_LEVEL'] ||= 'warn';
  environment['BACKSTEP_SAGAS'] ||= './sagas';
  const config = readConfig(
    {
      required: ['BACKSTEP_HTTP_PORT', 'BACKSTEP_SAGAS', 'BACKSTEP_LOG_LEVEL', 'BACKSTEP_RATE_LIMIT'],
      optional: ['BACKSTEP_TRACE_URL', ...ACCESS_VARIABLES],
    },
    flagsOf(flags),
    environment,
  );
  const access = await openAccess(config);
  const { createLogger } = await import('./log.js');
  const { terminal } = host;
  const logger = createLogger(config.BACKSTEP_LOG_LEVEL, (line) => terminal.err(line));
  return runUntilStopped(host.process, logger, async () => {
    if (terminal.isErrTty) terminal.err('starting; the first time takes a few seconds …\n');
    const { dev: start } = await import('./commands/dev.js');
    const running = await start({
      sagas: config.BACKSTEP_SAGAS,
      http: listenOn(flags, config.BACKSTEP_HTTP_PORT),
      traceUrl: config.BACKSTEP_TRACE_URL,
      access,
      directory: flags.directory,
      logger,
    });
    terminal.out(`Backstep is listening on ${running.url}\n`);
    terminal.out(`  sagas         ${running.sagas.join(', ') || 'none'}\n`);
    terminal.out(`  participants  ${running.participants.join(', ') || 'none'}\n`);
    terminal.out(`  data          ${flags.directory}\n`);
    return running;
  });
}

async function loggerFor({ terminal }: Host, level: LogLevel) {
  const { createLogger } = await import('./log.js');
  return createLogger(level, (line) => terminal.out(line));
}
