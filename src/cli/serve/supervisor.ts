import { execFile } from 'node:child_process';
import type { Log } from '../../observability/log.ts';

/**
 * Tells systemd about a change of state, if it started this process with `Type=notify` (sd_notify(3)), with its program
 * `systemd-notify`: Node.js has no datagram sockets of the file system. Resolves when systemd has the message; never rejects.
 */
export function notifySupervisor(
  environment: Readonly<Record<string, string | undefined>>,
  log: Log,
  ...assignments: readonly string[]
): Promise<void> {
  if (!environment['NOTIFY_SOCKET']) return Promise.resolve();
  return new Promise((resolve) => {
    execFile('systemd-notify', assignments, { env: { ...environment }, timeout: 10_000 }, (error) => {
      if (error) log.error({ err: error }, 'systemd was not notified: it may end this process when its start takes too long');
      resolve();
    });
  });
}
