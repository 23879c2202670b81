import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const rootDir = fileURLToPath(new URL('..', import.meta.url));

/** @type {import('jest').Config} */
export default {
  rootDir,
  roots: ['<rootDir>/test', '<rootDir>/src', '<rootDir>/sagas', '<rootDir>/examples'].filter((root) =>
    existsSync(root.replace('<rootDir>', rootDir)),
  ),
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^backstep$': '<rootDir>/src/index.ts',
    '^backstep/(participant|orchestrator|client|testing)$': '<rootDir>/src/$1.ts',
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
  // Old module registries are kept alive by Node's vm modules; a worker that has grown is replaced between files.
  workerIdleMemoryLimit: '1GB',
  maxWorkers: 2,
};
