import type { Socket } from 'node:net';
import { ociErrorBody } from '../errors/oci-errors.ts';

/** Answers on a socket that has no response object, and ends it. `line` is the status line without its version. */
export function answerRaw(socket: Socket, line: string, message: string): void {
  const body = JSON.stringify(ociErrorBody({ code: 'UNSUPPORTED', entries: [{ message }] }, ''));
  const head = `HTTP/1.1 ${line}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close`;
  socket.end(`${head}\r\n\r\n${body}`);
}
