import { CreateSagaTables1764000000000 } from './1764000000000-create-saga-tables.js';
import { CreateIncomingStart1764100000000 } from './1764100000000-create-incoming-start.js';
import { IndexFinishedSagas1764200000000 } from './1764200000000-index-finished-sagas.js';
import { MarkDeadLetters1764300000000 } from './1764300000000-mark-dead-letters.js';
import { FeedOfHistory1764300000001 } from './1764300000001-feed-of-history.js';
import { CreateAudit1764400000000 } from './1764400000000-create-audit.js';
import { CreatePayloadKey1764500000000 } from './1764500000000-create-payload-key.js';
import { Retention1764500000100 } from './1764500000100-retention.js';
import { Tracestate1764500000200 } from './1764500000200-tracestate.js';
import { CreateActivity1764500000300 } from './1764500000300-create-activity.js';
import { RequestsOnce1764500000400 } from './1764500000400-requests-once.js';
import { HeadsOnce1764500000500 } from './1764500000500-heads-once.js';

/** Every migration, oldest first. A migration that was released is never changed. */
export const MIGRATIONS = [
  CreateSagaTables1764000000000,
  CreateIncomingStart1764100000000,
  IndexFinishedSagas1764200000000,
  MarkDeadLetters1764300000000,
  FeedOfHistory1764300000001,
  CreateAudit1764400000000,
  CreatePayloadKey1764500000000,
  Retention1764500000100,
  Tracestate1764500000200,
  CreateActivity1764500000300,
  RequestsOnce1764500000400,
  HeadsOnce1764500000500,
] as const;
