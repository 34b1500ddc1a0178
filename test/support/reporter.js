/**
 * Closes a run with one plain line. In CI a skipped test is a failure.
 */
export default class PlainReporter {
  #error;

  onRunComplete(_contexts, results) {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numFailedTestSuites, testResults } = results;
    const skipped = numPendingTests + numTodoTests;
    for (const { testResults: tests } of testResults) {
      for (const { status, fullName } of tests)
        if (status === 'pending' || status === 'todo') process.stdout.write(`skipped: ${fullName}\n`);
    }
    const brokenFiles = testResults.filter(({ testExecError }) => testExecError).length;
    process.stdout.write(`${numPassedTests} passed, ${numFailedTests + brokenFiles} failed, ${skipped} skipped\n`);
    if (process.env['CI'] === 'true' && skipped > 0 && numFailedTestSuites === 0)
      this.#error = new Error('skipped tests are failures in CI');
  }

  getLastError() {
    return this.#error;
  }
}
