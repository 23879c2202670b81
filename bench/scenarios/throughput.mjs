// Completed sagas a second with 2,000 in flight.
import { interleaved } from './versus.mjs';

export const title = 'throughput: completed sagas, 2,000 in flight';
export const run = (bench) => interleaved(bench, 'throughput', bench.options.participants ?? ['none', 'inbox', 'batch']);
