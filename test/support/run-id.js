import { randomUUID } from 'node:crypto';

/** The name of the servers that the test files of one run share. They end with this process; each file may run in its own process. */
export default function nameRun() {
  process.env['TEST_RUN'] = randomUUID();
  process.env['TEST_RUN_PID'] = String(process.pid);
}
