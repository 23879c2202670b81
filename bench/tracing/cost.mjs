// What tracing costs: the same runs without and with an SDK, in turns. node bench/tracing/cost.mjs [--turns=3] [--count=3000] [--participants=none]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const option = (name, otherwise) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;
const turns = Number(option('turns', 3));
const count = option('count', '3000');
const participants = option('participants', 'none');
const otel = new URL('./otel.mjs', import.meta.url).href;
const runs = { without: [], with: [] };
for (let turn = 0; turn < turns; turn++)
  // Each is first in every other turn.
  for (const which of turn % 2 === 0 ? ['without', 'with'] : ['with', 'without']) {
    const env = { ...process.env, NODE_OPTIONS: which === 'with' ? `--import ${otel}` : '' };
    const args = [
      fileURLToPath(new URL('../run.mjs', import.meta.url)),
      'backstep',
      'throughput',
      `--count=${count}`,
      `--participants=${participants}`,
    ];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`a run failed:\n${stdout}\n${stderr}`);
    const result = JSON.parse(stdout.trim().split('\n').at(-1));
    runs[which].push(result);
    console.log(JSON.stringify({ turn, which, result }));
  }
