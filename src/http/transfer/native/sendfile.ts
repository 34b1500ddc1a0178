import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { ClientGone } from '../../errors/client-gone.ts';

/** The addon's face; see sendfile.c. */
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
  /** Resolves to the number of bytes sent when all are in the kernel's hands; rejects when the transfer broke off: with `ClientGone`, or it is ours. */
  readonly done: Promise<number>;
  /** Breaks the transfer off: `done` rejects. Does nothing once it is settled. */
  cancel(): void;
}

const addon = load();

/** Built from sendfile.c at installation, where there is a C compiler; Linux only. */
function load(): Addon | undefined {
  try {
    return createRequire(import.meta.url)('./sendfile.node') as Addon;
  } catch {
    return undefined;
  }
}

export const sendfileIsAvailable = addon !== undefined;

/**
 * Sends `length` bytes of the file from `offset` on to a non-blocking socket, at the peer's pace. Both descriptors stay
 * open until `done` settles. A peer that takes nothing for `idleMilliseconds` ends the transfer.
 */
export function sendfile(socketFd: number, fileFd: number, offset: number, length: number, idleMilliseconds: number): Transfer {
  if (!addon) throw new Error('the sendfile addon is not there');
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
