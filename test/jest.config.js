import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Outages and kills with many orders: what the laboratory does to every change in its short form. `npm run test:long` has them. */
const LONG = ['outage', 'kill'].map((name) => `/test/e2e/${name}.test.ts`);

const rootDir = fileURLToPath(new URL('..', import.meta.url));

/** What every kind of test shares. @type {import('jest').Config} */
export const project = {
  rootDir,
  roots: ['test', 'src', 'sagas', 'examples'].map((folder) => join(rootDir, folder)).filter((folder) => existsSync(folder)),
  testEnvironment: '<rootDir>/test/support/environment.mjs',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^backstep$': '<rootDir>/src/index.ts',
    '^backstep/(participant|orchestrator|client|tracing)$': '<rootDir>/src/$1.ts',
  },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
          target: 'es2022',
          keepClassNames: true,
        },
        module: { type: 'es6' },
      },
    ],
  },
};

/** For tests that need PostgreSQL and RabbitMQ. @type {import('jest').Config} */
export const servers = {
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
};

/** @type {import('jest').Config} */
export default {
  rootDir,
  projects: [
    { ...project, displayName: 'unit', testMatch: ['<rootDir>/test/unit/**/*.test.ts'] },
    {
      ...project,
      displayName: 'servers',
      testMatch: ['<rootDir>/test/!(unit|faults|lab|browser)/**/*.test.ts'], // test/faults has a configuration of its own
      testPathIgnorePatterns: ['/node_modules/', ...(process.env['BACKSTEP_TEST_LONG'] === undefined ? LONG : [])],
      ...servers,
    },
    { ...project, displayName: 'browser', testMatch: ['<rootDir>/test/browser/**/*.test.ts'] },
  ],
  // A limit for what hangs; a busy machine may be several times as slow as a quiet one.
  testTimeout: 20_000,
  // Old module registries are kept alive by Node's vm modules; a worker that has grown is replaced between files.
  workerIdleMemoryLimit: '1GB',
  maxWorkers: 2,
};
