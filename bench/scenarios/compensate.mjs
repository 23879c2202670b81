// The third step rejects, two compensations run.
import { interleaved } from './versus.mjs';

export const title = 'compensate: the third step rejects, two compensations run';
export const run = (bench) => interleaved(bench, 'compensate', bench.options.participants ?? ['none', 'inbox', 'batch']);
