import { CreateSagaTables1764000000000 } from './1764000000000-create-saga-tables.js';
import { CreateIncomingStart1764100000000 } from './1764100000000-create-incoming-start.js';
import { CreateAudit1764400000000 } from './1764400000000-create-audit.js';

/** Every migration, oldest first. A migration that was released is never changed. */
export const MIGRATIONS = [CreateSagaTables1764000000000, CreateIncomingStart1764100000000, CreateAudit1764400000000] as const;
