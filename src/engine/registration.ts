import { pass } from '../core/crash-points.js';
import { SagaError } from '../core/errors.js';
import type { Logger } from '../ports/logger.js';
import type { DefinitionRef, RegisteredDefinition, SagaStore } from '../ports/saga-store.js';
import type { OrchestratorSigning } from '../ports/signing.js';
import type { Definitions } from './definitions.js';

/**
 * Makes the loaded definitions known, and refuses to run with definitions that sagas in flight cannot go on with: another shape under
 * the same version (SAGA_DEFINITION_CHANGED), or a version that is not loaded (SAGA_DEFINITION_MISSING; `allowOrphans` overrides it).
 */
export async function registerDefinitions(
  store: SagaStore,
  definitions: Definitions,
  { allowOrphans, logger }: { readonly allowOrphans: boolean; readonly logger: Logger },
): Promise<void> {
  const loaded = definitions.all.map(({ name, version, fingerprint, shape, retention }): RegisteredDefinition => ({
    name,
    version,
    fingerprint,
    shape,
    retention,
  }));
  const known = await store.registerDefinitions(loaded);
  pass('definitions.registered');
  const inFlight = await store.versionsInFlight();
  const countOf = ({ name, version }: DefinitionRef) => inFlight.find((one) => one.name === name && one.version === version)?.count ?? 0;
  const faults: string[] = [];
  for (const before of known) {
    const now = loaded.find(({ name, version }) => name === before.name && version === before.version);
    const count = countOf(before);
    if (count > 0)
      faults.push(`${before.name} version ${before.version}, ${count} in flight: ${difference(before.shape, now?.shape ?? [])}`);
    else if (now) {
      logger.info({ saga: now.name, version: now.version }, 'a definition was changed under its version; none of it is in flight');
      await store.replaceDefinition(now);
    }
  }
  if (faults.length > 0) {
    throw new SagaError(
      'SAGA_DEFINITION_CHANGED',
      'definitions were changed while sagas of them are in flight; give the new shape a new version:',
      faults,
    );
  }
  const orphans = inFlight.filter(({ name, version, count }) => count > 0 && !definitions.get(name, version));
  const lines = orphans.map(({ name, version, count }) => `${name} version ${version}, ${count} in flight`);
  if (orphans.length === 0) return;
  if (!allowOrphans) throw new SagaError('SAGA_DEFINITION_MISSING', 'sagas of versions that are not loaded are in flight:', lines);
  logger.warn({ orphans: lines }, 'sagas of versions that are not loaded are in flight; they wait for a daemon that has them');
}

/** Refuses to run without the keys that messages to and from the participants of these definitions need: SAGA_CONFIG_INVALID. */
export function assertKeys(signing: OrchestratorSigning | undefined, definitions: Definitions): void {
  const faults = signing?.orchestratorFaults(definitions.participants()) ?? [];
  if (faults.length > 0) throw new SagaError('SAGA_CONFIG_INVALID', 'the signing keys do not suffice for these sagas:', faults);
}

/** What is not in both, line by line: `-` before, `+` now. */
function difference(before: readonly string[], now: readonly string[]): string {
  const gone = before.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const added = now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...added].join('; ') || 'the order of its lines';
}
