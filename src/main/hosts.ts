import { SagaError } from '../core/errors.js';
import { Host } from '../participant/host.js';
import type { ParticipantObserver } from '../participant/runtime.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { PayloadSealing } from '../ports/sealing.js';
import type { ParticipantSigning } from '../ports/signing.js';
import type { Transport } from '../ports/transport.js';
import { typeormInbox } from '../postgres/inbox-typeorm.js';
import type { ParticipantDeclaration } from '../saga/participant-declaration.js';
import { namesIn } from '../core/wire.js';
import { HandlerTracing } from '../telemetry/handler-tracing.js';
import type { Database } from './database.js';
import type { Running } from './lifetime.js';

/** What participants are hosted with. The transport stays the caller's. */
export interface HostingOptions {
  readonly declarations: readonly ParticipantDeclaration[];
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly namespace: string;
  readonly observer?: ParticipantObserver;
  /** Without it messages are not signed. */
  readonly signing?: ParticipantSigning;
  /** Without it nothing that is sealed can be read. */
  readonly sealing?: PayloadSealing;
  /** A data source whose search path leads to the schema, which exists; destroyed at the end. */
  readonly dataSource: (schema: string) => Promise<Database>;
}

/** Hosts each participant on a database schema of its own, where its inbox and its tables are. */
export async function startHosts({ declarations, dataSource, namespace, ...shared }: HostingOptions): Promise<Running> {
  const started: Running[] = [];
  const tracing = new HandlerTracing({ ...shared, names: namesIn(namespace) });
  const stop = async () => {
    await Promise.all(started.map((host) => host.stop()));
  };
  try {
    for (const declaration of declarations) {
      const database = declaration.inbox ? await dataSource(schemaFor(declaration.participant)) : undefined;
      const store = database && typeormInbox(database);
      const host = new Host({ ...shared, tracing, declarations: [declaration], store, settings: { namespace } });
      started.push({
        stop: async () => {
          await host.stop();
          await store?.close();
          await database?.destroy();
        },
      });
      await host.start();
    }
  } catch (error: unknown) {
    await stop();
    throw error;
  }
  return { stop };
}

/** The schema of a participant: its name with underscores for dashes. */
export function schemaFor(participant: string): string {
  return participant.replaceAll('-', '_').toLowerCase();
}

/** Those that `--only` names; throws SAGA_CONFIG_INVALID for a name that is none of them. */
export function onlyNamed(
  declarations: readonly ParticipantDeclaration[],
  only: readonly string[] | undefined,
): readonly ParticipantDeclaration[] {
  const names = declarations.map(({ participant }) => participant);
  const missing = (only ?? []).filter((name) => !names.includes(name));
  if (missing.length > 0) {
    throw new SagaError(
      'SAGA_CONFIG_INVALID',
      `--only names ${missing.join(', ')}; the participants here are ${names.join(', ') || 'none'}`,
    );
  }
  return only ? declarations.filter(({ participant }) => only.includes(participant)) : declarations;
}
