import { randomUUID } from 'node:crypto';

/** What the files of one run share is found by this name, and lives as long as this process: each file may run in a process of its own. */
export default function nameRun() {
  process.env['TEST_RUN'] = randomUUID();
  process.env['TEST_RUN_PID'] = String(process.pid);
}
