import { InMemoryActivityLog } from '../../src/memory/in-memory-activity-log.js';
import { describeActivityLog } from './activity-log.contract.js';

describeActivityLog('memory', async () => new InMemoryActivityLog());
