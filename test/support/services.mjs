// `npm run services`: makes sure that the tests will find a PostgreSQL, a RabbitMQ and a Chromium. Installs where it may, starts nothing.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { findChromium } from './find-chromium.mjs';
import { POSTGRES, RABBITMQ, localServer } from './find-servers.mjs';
import { dockerAnswers } from './probes.mjs';
import { planServices } from './services-plan.mjs';

const PACKAGE_LISTS = '/var/lib/apt/lists';
const START_POLICY = '/usr/sbin/policy-rc.d';

const { lines, packages, isComplete } = planServices(await lookAround());
for (const line of lines) console.log(line);
if (packages.length > 0) install(packages);
process.exitCode = isComplete ? 0 : 1;

/** @returns {Promise<import('./services-plan.mjs').Facts>} */
async function lookAround() {
  const hasDocker = await dockerAnswers();
  const [postgres, rabbitmq] = await Promise.all([POSTGRES, RABBITMQ].map((kind) => whereTestsFind(kind, hasDocker)));
  return {
    servers: [
      {
        name: POSTGRES.name,
        debianPackage: 'postgresql',
        forTests: postgres,
        canBePrivate: hasDocker || POSTGRES.binaries() !== undefined,
      },
      {
        name: RABBITMQ.name,
        debianPackage: 'rabbitmq-server',
        forTests: rabbitmq,
        canBePrivate: hasDocker || RABBITMQ.binaries() !== undefined,
      },
    ],
    hasPika: spawnSync('/usr/bin/python3', ['-c', 'import pika']).status === 0,
    hasChromium: findChromium() !== undefined,
    isDebian: existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get'),
    isRoot: process.getuid?.() === 0,
  };
}

/** @param {import('./find-servers.mjs').Kind} kind @param {boolean} hasDocker */
async function whereTestsFind(kind, hasDocker) {
  const named = process.env[kind.variable];
  if (named && !(await kind.answers(named))) throw new Error(`${kind.variable} is set, but no usable ${kind.name} answers there`);
  if (named) return `as ${kind.variable} says`;
  if (hasDocker) return 'from Docker';
  if (await localServer(kind)) return 'running on this machine';
  const binaries = kind.binaries();
  return binaries && `installed (${binaries}), the tests start their own`;
}

/** @param {string[]} names */
function install(names) {
  const hadPolicy = existsSync(START_POLICY);
  if (!hadPolicy) writeFileSync(START_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 }); // Debian asks it before it starts a new service
  try {
    const hasLists = existsSync(PACKAGE_LISTS) && readdirSync(PACKAGE_LISTS).some((name) => name.includes('_Packages'));
    if (!hasLists) aptGet('update');
    if (!aptGet('install', '--yes', '--no-install-recommends', ...names)) {
      aptGet('update'); // the lists may name versions that are gone
      if (!aptGet('install', '--yes', '--no-install-recommends', ...names))
        throw new Error(`apt-get could not install ${names.join(', ')}`);
    }
  } finally {
    if (!hadPolicy) rmSync(START_POLICY);
  }
  console.log(`Installed ${names.join(', ')}.`);
}

/** Silent unless it fails. @param {string[]} args */
function aptGet(...args) {
  const options = ['-qq', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Dpkg::Use-Pty=0'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stdout, stderr } = spawnSync('apt-get', [...options, ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status !== 0) console.error(`apt-get ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return status === 0;
}
