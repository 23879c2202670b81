import { EXIT } from '../../cli/exit-codes.js';
import type { Terminal } from '../../cli/terminal.js';
import { namesIn } from '../../core/wire.js';
import { Definitions } from '../../engine/definitions.js';
import type { Logger } from '../../ports/logger.js';
import { openSagas } from '../sagas.js';

export interface PermissionsOptions {
  readonly sagas: readonly string[];
  readonly namespace: string;
  /** Before `orchestrator` and the names of participants. */
  readonly userPrefix: string;
  readonly vhost: string;
}

/** `backstep permissions`: prints what `rabbitmqctl` is told, so that every service may at the broker what it has to, and nothing else. */
export async function permissions(terminal: Terminal, options: PermissionsOptions, logger: Logger): Promise<number> {
  const { plans } = await openSagas(options.sagas, logger);
  const participants = [...new Definitions(plans).participants()].toSorted();
  for (const line of permissionLines(participants, options)) terminal.out(`${line}\n`);
  return EXIT.ok;
}

/** The reply goes through the default exchange, which RabbitMQ knows as this. */
const DEFAULT_EXCHANGE = String.raw`amq\.default`;
const NOTHING = '^$';

function permissionLines(participants: readonly string[], { namespace, userPrefix, vhost }: Omit<PermissionsOptions, 'sagas'>): string[] {
  const names = namesIn(namespace);
  const user = (name: string, configure: string, write: string, read: string) => [
    `rabbitmqctl add_user ${quoted(userPrefix + name)}`,
    `rabbitmqctl set_permissions --vhost ${quoted(vhost)} ${[userPrefix + name, configure, write, read].map(quoted).join(' ')}`,
  ];
  const own = `^${escaped(namespace)}\\.`;
  return [
    '# add_user asks for a password. The daemon declares what participants use, so start it first.',
    ...user('orchestrator', own, `${own}|^${DEFAULT_EXCHANGE}$`, own),
    ...participants.flatMap((name) => user(name, NOTHING, `^${DEFAULT_EXCHANGE}$`, `^${escaped(names.commands(name))}$`)),
  ];
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
