import type { Socket } from 'node:net';
import { ociErrorBody } from '../errors/oci-errors.ts';

/** Time for which the rest of a refused request is read and dropped: closing at once would discard the answer on its way. */
const lingerMilliseconds = 2_000;

const answered = new WeakSet<Socket>();

/** True if `answerRaw` has answered on the socket: what still arrives there belongs to the refused request. */
export function isAnsweredRaw(socket: Socket): boolean {
  return answered.has(socket);
}

/** Answers on a socket that has no response object, and ends it. `line` is the status line without its version. */
export function answerRaw(socket: Socket, line: string, message: string): void {
  answered.add(socket);
  const body = JSON.stringify(ociErrorBody({ code: 'UNSUPPORTED', entries: [{ message }] }, ''));
  const head = `HTTP/1.1 ${line}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close`;
  socket.end(`${head}\r\n\r\n${body}`);
  socket.on('data', () => undefined);
  const limit = setTimeout(() => socket.destroy(), lingerMilliseconds).unref();
  socket.once('close', () => clearTimeout(limit));
}
