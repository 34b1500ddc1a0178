import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { ClientGone } from '../../errors/client-gone.ts';

/** The functions of the addon; see sendfile.c. */
interface Addon {
  sendfile(
    socketFd: number,
    fileFd: number,
    offset: number,
    length: number,
    idleMilliseconds: number,
    done: (errno: number, bytesSent: number) => void,
  ): unknown;
  cancel(transfer: unknown): void;
}

export interface Transfer {
  /**
   * Resolves to the number of bytes sent when the kernel has all of them. Rejects if the transfer broke off: with `ClientGone`
   * if the client ended it.
   */
  readonly done: Promise<number>;
  /** Stops the transfer: `done` rejects unless the kernel has all bytes already. Does nothing after `done` has settled. */
  cancel(): void;
}

const addon = load();

/** Loads the addon; undefined if the installation had no C compiler, or not on Linux. */
function load(): Addon | undefined {
  try {
    return createRequire(import.meta.url)('./sendfile.node') as Addon;
  } catch {
    return undefined;
  }
}

export const sendfileIsAvailable = addon !== undefined;

/**
 * Sends `length` bytes of the file from `offset` on to a non-blocking socket, as fast as the peer receives them. Both
 * descriptors must stay open until `done` settles. The transfer ends if the peer receives nothing for `idleMilliseconds`.
 */
export function sendfile(socketFd: number, fileFd: number, offset: number, length: number, idleMilliseconds: number): Transfer {
  if (!addon) throw new Error('the sendfile addon is not installed');
  const { cancel } = addon;
  let running: unknown;
  const done = new Promise<number>((resolve, reject) => {
    running = addon.sendfile(socketFd, fileFd, offset, length, idleMilliseconds, (errno, bytesSent) => {
      running = undefined;
      if (errno === 0) resolve(bytesSent);
      else reject(brokeOff(errno, bytesSent));
    });
  });
  return {
    done,
    cancel() {
      if (running !== undefined) cancel(running);
      running = undefined;
    },
  };
}

const { EPIPE, ECONNRESET, ETIMEDOUT, ECANCELED } = constants.errno;
const clientErrors: readonly number[] = [EPIPE, ECONNRESET, ETIMEDOUT, ECANCELED];

function brokeOff(errno: number, bytesSent: number): Error {
  const error = new Error(`sendfile broke off after ${bytesSent} bytes: errno ${errno}`);
  return clientErrors.includes(errno) ? new ClientGone({ cause: error }) : error;
}
