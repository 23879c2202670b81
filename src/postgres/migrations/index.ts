import { CreateSagaTables1764000000000 } from './1764000000000-create-saga-tables.js';
import { CreateIncomingStart1764100000000 } from './1764100000000-create-incoming-start.js';
import { MarkDeadLetters1764300000000 } from './1764300000000-mark-dead-letters.js';
import { FeedOfHistory1764300000001 } from './1764300000001-feed-of-history.js';

/** Every migration, oldest first. A migration that was released is never changed. */
export const MIGRATIONS = [
  CreateSagaTables1764000000000,
  CreateIncomingStart1764100000000,
  MarkDeadLetters1764300000000,
  FeedOfHistory1764300000001,
] as const;
