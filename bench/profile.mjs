// Says where the CPU of a profile went: node bench/profile.mjs FILE.cpuprofile [LINES]
// Three tables: functions by their own time, files by theirs, functions with all they call.
import fs from 'node:fs';

const [file, lines = '25'] = process.argv.slice(2);
if (!file) {
  console.error('usage: node bench/profile.mjs FILE.cpuprofile [LINES]');
  process.exit(2);
}
const { nodes, samples, timeDeltas } = JSON.parse(fs.readFileSync(file, 'utf8'));
const byId = new Map(nodes.map((node) => [node.id, node]));
const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
const own = new Map();
samples.forEach((id, at) => add(own, id, timeDeltas[at] ?? 0));

const functions = new Map();
const files = new Map();
const inclusive = new Map();
let busy = 0;
for (const [id, micros] of own) {
  const { callFrame } = byId.get(id);
  if (callFrame.functionName === '(idle)') continue;
  busy += micros;
  add(functions, nameOf(callFrame), micros);
  add(files, placeOf(callFrame) || callFrame.functionName, micros);
  const seen = new Set();
  for (let at = id; at !== undefined; at = parents.get(at)) seen.add(nameOf(byId.get(at).callFrame));
  for (const name of seen) add(inclusive, name, micros);
}
console.log(`busy for ${(busy / 1e6).toFixed(2)} s`);
print('own time', functions);
print('own time by file', files);
print('with all that is called', inclusive);

function add(map, key, micros) {
  map.set(key, (map.get(key) ?? 0) + micros);
}
function placeOf({ url }) {
  return url.replace(/.*\/(dist|node_modules)\//, '').replace(/\?.*/, '');
}
function nameOf(callFrame) {
  const place = placeOf(callFrame);
  return `${callFrame.functionName || '(anonymous)'}${place ? ` ${place}:${callFrame.lineNumber + 1}` : ''}`;
}
function print(title, map) {
  console.log(`\n${title}`);
  for (const [name, micros] of [...map].sort((a, b) => b[1] - a[1]).slice(0, Number(lines)))
    console.log(`${((micros / busy) * 100).toFixed(1).padStart(6)} %  ${name}`);
}
