// The folder of the peers' runner: it is never run in place but copied to where it may install what it needs.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const USUAL = '../shared/peers';
const NEEDED = ['run.mjs', 'package.json', 'package-lock.json', 'lib', 'systems'];
const INSTALL_MS = 10 * 60_000;

/** Copies it, installs its packages where that was not done before, and gives the path of the copy. */
export function preparePeers(given, say) {
  const source = path.resolve(ROOT, given === '' ? USUAL : given);
  const missing = NEEDED.filter((name) => !fs.existsSync(path.join(source, name)));
  if (missing.length > 0)
    throw new Error(
      `there is no peers' runner at ${source} (${missing.join(', ')} missing).\n` +
        `It is the folder "peers" that belongs to the project's measurements (its README.md begins with "Saga performance harness"), and is ` +
        `no part of this repository: put it at ${USUAL} beside the project, or name its place with --peers DIR`,
    );
  const lock = fs.readFileSync(path.join(source, 'package-lock.json'));
  const copy = path.join(os.tmpdir(), `backstep-bench-peers-${createHash('sha256').update(lock).digest('hex').slice(0, 12)}`);
  // The sources may be read-only, and so would be their copies.
  for (const name of fs.readdirSync(source)) if (name !== 'node_modules') copyWritable(path.join(source, name), path.join(copy, name));
  const done = path.join(copy, 'node_modules', '.backstep-bench');
  if (!fs.existsSync(done)) {
    say(`  installing the peers' packages in ${copy}, once`);
    install(copy);
    fs.writeFileSync(done, '');
  }
  return copy;
}

function copyWritable(from, to) {
  if (fs.statSync(from).isDirectory()) {
    fs.mkdirSync(to, { recursive: true });
    for (const name of fs.readdirSync(from)) copyWritable(path.join(from, name), path.join(to, name));
    return;
  }
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.rmSync(to, { force: true });
  fs.writeFileSync(to, fs.readFileSync(from));
}

function install(folder) {
  // npm gives its settings to what it runs, and this may be run by npm: they are about another project.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|command|config_local_prefix)/.test(name)),
  );
  const { status, error, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--prefix', folder], {
    cwd: folder,
    env,
    encoding: 'utf8',
    timeout: INSTALL_MS,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === 0) return;
  throw new Error(
    `the peers' packages could not be installed: npm ci in ${folder} ${error ? `failed (${error.message})` : `ended with ${status}`}.\n` +
      `It needs a package registry that npm can reach; run it there by hand to see more.\n${(stderr ?? '').trim().split('\n').slice(-8).join('\n')}`,
  );
}
