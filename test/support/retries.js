import { expect, jest } from '@jest/globals';

/**
 * In CI, runs a failed test once more if it drives real clients, processes or sockets: they depend on how busy the machine is.
 * The first error is printed. Tests of specifications, properties and contracts get no second try.
 */
const path = expect.getState().testPath ?? '';
if (process.env['CI'] === 'true' && /\/test\/(client|fault|feature)\//.test(path)) {
  jest.retryTimes(1, { logErrorsBeforeRetry: true });
}
