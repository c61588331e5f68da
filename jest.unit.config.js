// The tests of pure code alone: they need neither broker nor database.
import config from './jest.config.js';

export default {
  ...config,
  // The helpers too, or a run for changed files would not see which tests reach them through a helper.
  roots: ['<rootDir>/libs/domain', '<rootDir>/libs/intake', '<rootDir>/test/helpers'],
  // These need a database.
  testPathIgnorePatterns: ['settle-reports', 'retention', 'snapshots'],
  globalSetup: undefined,
  globalTeardown: undefined,
  testEnvironment: '@stryker-mutator/jest-runner/jest-env/node',
};
