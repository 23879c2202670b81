import { project, servers } from '../jest.config.js';

/**
 * Rows of the fault catalogue that take long or hurt a server: `npm run test:faults`. Every file has private servers, or names of its own on
 * the shared ones, so that files run side by side.
 * @type {import('jest').Config}
 */
export default {
  ...project,
  ...servers,
  displayName: 'faults',
  testMatch: ['<rootDir>/test/faults/**/*.test.ts'],
  workerIdleMemoryLimit: '1GB',
  // One more than the processors of CI: most of the time these tests wait.
  maxWorkers: 3,
};
