// Every scenario by its name on the command line.
import * as backlog from './backlog.mjs';
import * as compensate from './compensate.mjs';
import * as daemons from './daemons.mjs';
import * as growth from './growth.mjs';
import * as latency from './latency.mjs';
import * as start from './start.mjs';
import * as throughput from './throughput.mjs';

/** `title` for people; `run(bench)` measures everything of it. */
export const scenarios = { throughput, compensate, latency, growth, start, backlog, daemons };
