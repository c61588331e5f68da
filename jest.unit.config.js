// The tests of pure code alone: they need neither broker nor database.
import config from './jest.config.js';

export default {
  ...config,
  roots: ['<rootDir>/libs/domain', '<rootDir>/libs/intake'],
  // These need a database.
  testPathIgnorePatterns: ['settle-reports'],
  globalSetup: undefined,
  globalTeardown: undefined,
  testEnvironment: '@stryker-mutator/jest-runner/jest-env/node',
};
