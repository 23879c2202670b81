import { CreateSagaTables1764000000000 } from './1764000000000-create-saga-tables.js';
import { CreateIncomingStart1764100000000 } from './1764100000000-create-incoming-start.js';
import { IndexFinishedSagas1764200000000 } from './1764200000000-index-finished-sagas.js';

/** Every migration, oldest first. A migration that was released is never changed. */
export const MIGRATIONS = [CreateSagaTables1764000000000, CreateIncomingStart1764100000000, IndexFinishedSagas1764200000000] as const;
