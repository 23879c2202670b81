import { InMemoryAuditLog } from '../../src/memory/in-memory-audit-log.js';
import { describeAuditLog, sha256 } from './audit-log.contract.js';

describeAuditLog('memory', () => {
  const log = new InMemoryAuditLog({ now: () => Date.now() }, sha256);
  return Promise.resolve([log, log]);
});
