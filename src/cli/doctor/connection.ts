import { connect } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Longest wait for an answer. */
export const waitMilliseconds = 5000;

/** Resolves when the socket is connected; rejects after five seconds. */
export function opened(socket: ReturnType<typeof connect> | TLSSocket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(waitMilliseconds, () => reject(new Error(`no answer within ${waitMilliseconds / 1000} s`)));
    socket.once('error', reject);
    socket.once(event, () => resolve());
  });
}
