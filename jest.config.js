/** @type {import('jest').Config} */
const common = {
  testEnvironment: 'node',
  globalSetup: '<rootDir>/scripts/test-setup.ts', // once for both projects
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
};

/** What must not tell where a room is: these run again with all rooms in another thread. */
const ANYWHERE = [
  'docs/protocol',
  ...['base', 'contract', 'meeting-again', 'order', 'protocol', 'races', 'resume', 'session'].map(
    (suite) => `server/${suite}`,
  ),
];

/** @type {import('jest').Config} */
export default {
  testTimeout: 60_000,
  projects: [
    {
      ...common,
      displayName: 'bloom',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/routing/remote.test.ts'],
    },
    {
      ...common,
      displayName: 'remote router',
      testMatch: ['routing/remote', ...ANYWHERE].map((suite) => `<rootDir>/test/${suite}.test.ts`),
      setupFiles: ['<rootDir>/test/support/remote/setup.ts'],
    },
  ],
};
