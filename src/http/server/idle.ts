import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { OciError } from '../../oci/errors.ts';
import { sendError } from '../errors/boundary.ts';
import { ociFormat } from '../errors/oci-errors.ts';
import type { Exchange, Exchanges } from './exchanges.ts';

/**
 * Disconnects a client that sends and receives nothing for `milliseconds`, unless it waits for this server: verifying or
 * moving a large blob takes time, and so does writing a chunk to a slow store. A client in the middle of a request gets 408
 * before.
 */
export function cutIdleClients(server: Server, { current }: Exchanges, milliseconds: number): void {
  server.timeout = milliseconds;
  // Node.js restarts the time with the next byte in either direction.
  server.on('timeout', (socket: Socket) => {
    const exchange = current(socket);
    if (exchange && waitsForServer(exchange)) return;
    if (exchange && isIncomplete(exchange)) refuse(exchange, milliseconds);
    else socket.destroy();
  });
}

function waitsForServer({ request, response }: Exchange): boolean {
  const isFull = request.readableLength >= request.readableHighWaterMark;
  return !response.headersSent && (request.complete || isFull);
}

/** True if the client has not sent all of its request, and has got no answer. */
function isIncomplete({ request, response }: Exchange): boolean {
  return !request.complete && !response.headersSent && !response.destroyed;
}

/** Answers, and closes the connection when the answer is sent or the time is over again. */
function refuse({ request, response }: Exchange, milliseconds: number): void {
  sendError(request, response, notInTime(`no byte of the request arrived within ${milliseconds / 1000} s`), ociFormat);
}

/** Returns the error of a request that does not end in time. */
export function notInTime(message: string): OciError {
  return new OciError('UNSUPPORTED', { status: 408, message, headers: { Connection: 'close' } });
}
