import 'reflect-metadata';
import { Container } from 'inversify';
import type { Plan } from '../core/plan.js';
import type { Logger } from '../ports/logger.js';
import { declarationsOf } from '../saga/handlers.js';
import { makeIn } from '../saga/instances.js';
import { loadDefinitions } from '../saga/load.js';
import type { ParticipantDeclaration } from '../saga/participant-declaration.js';
import { loadSagas } from './load-sagas.js';

/** What saga folders hold, made and checked. */
export interface Sagas {
  readonly plans: readonly Plan[];
  /** Made when asked for: a daemon that only orchestrates makes none of them. */
  readonly participants: () => readonly ParticipantDeclaration[];
}

/** Loads saga folders with their bindings. Throws SAGA_DEFINITION_INVALID with every fault. */
export async function openSagas(directories: readonly string[], logger: Logger): Promise<Sagas> {
  const loaded = await loadSagas(directories);
  const container = new Container();
  container.load(...loaded.modules);
  const { plans, warnings } = loadDefinitions(container, loaded.definitions);
  for (const warning of warnings) logger.warn({}, warning);
  return { plans, participants: () => declarationsOf(loaded.participants, (type) => makeIn(container, type)) };
}
