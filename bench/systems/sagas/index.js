// The bench's saga as a folder that a daemon loads; what it is like comes from the environment, which the bench sets.
import { contractsFor, sagaFor } from '../bench-saga.mjs';

const { BACKSTEP_BENCH_PARTICIPANTS = 'none', BACKSTEP_BENCH_PARALLEL, BACKSTEP_BENCH_TIMEOUT } = process.env;
export const BenchSaga = sagaFor(contractsFor(BACKSTEP_BENCH_PARTICIPANTS), {
  ...(BACKSTEP_BENCH_PARALLEL && { parallel: Number(BACKSTEP_BENCH_PARALLEL) }),
  ...(BACKSTEP_BENCH_TIMEOUT && { timeout: BACKSTEP_BENCH_TIMEOUT }),
});
