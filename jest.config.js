import { availableParallelism } from 'node:os';

/**
 * Tests that take twenty seconds or more, because they repeat something or run under load. They run if they are named, and in CI:
 * `TEST_LONG=1 npm test -- test/feature/workers.test.ts`.
 */
const longTests = [
  'test/client/adopt',
  'test/client/dockerfile',
  'test/client/packages',
  'test/client/page-jobs',
  'test/client/page-views',
  'test/contract/adoption',
  'test/contract/query-plans',
  'test/contract/s3',
  'test/contract/s3-driver',
  'test/contract/upgrades',
  'test/fault/adopt-kill',
  'test/fault/archive-memory',
  'test/fault/collection-torture',
  'test/fault/final-put',
  'test/fault/hard-load',
  'test/fault/kill-restart',
  'test/fault/mirror-kill',
  'test/fault/postgres-restart',
  'test/fault/s3',
  'test/fault/s3-memory',
  'test/fault/sync-kill',
  'test/fault/webhook-outage',
  'test/feature/backup/restore',
  'test/feature/doctor-stores',
  'test/feature/migrate',
  'test/feature/mirror/replicas',
  'test/feature/replicas',
  'test/feature/rolling-restart',
  'test/feature/trash/cascade',
  'test/feature/workers',
  'test/property/registry-model',
];
const isNamed = process.argv.slice(2).some((argument) => argument.startsWith('test/'));

/** Tests run as native ES modules; only the types are taken off. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/strip-types.js' },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...(isNamed ? [] : longTests.map((name) => `<rootDir>/${name}\\.`))],
  globalSetup: '<rootDir>/test/support/run-id.js',
  setupFilesAfterEnv: ['<rootDir>/test/support/retries.js'],
  testSequencer: '<rootDir>/test/support/sequencer.js',
  // Tests also wait: one worker more than there are cores keeps the cores busy. (Jest takes '150%' as 150 workers.)
  maxWorkers: availableParallelism() + 1,
  // Modules of a file are never freed before its worker ends. A worker that holds more than this after a file is replaced.
  workerIdleMemoryLimit: '512MiB',
  // A worker frees its heap before it is gone; on a busy machine that takes longer than Jest's own half second.
  workerGracefulExitTimeout: 10_000,
  reporters: ['default', '<rootDir>/test/support/reporter.js'],
  // Only what never ends fails: machines are slow at times. The first file that needs Ceph starts it.
  testTimeout: process.env['TEST_BLOBS'] === 's3' ? 120_000 : 60_000,
};
