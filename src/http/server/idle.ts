import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface RequestAndResponse {
  request: IncomingMessage;
  response: ServerResponse;
}

/**
 * Disconnects a client that sends and receives nothing for `milliseconds`, unless it waits for this server: verifying or
 * moving a large blob takes time, and so does writing a chunk to a slow store.
 */
export function cutIdleClients(server: Server, milliseconds: number): void {
  const latest = new WeakMap<Socket, RequestAndResponse>();
  const remember = (request: IncomingMessage, response: ServerResponse): void => {
    const known = latest.get(request.socket);
    if (known) Object.assign(known, { request, response });
    else latest.set(request.socket, { request, response });
  };
  server.timeout = milliseconds;
  server.prependListener('request', remember);
  server.prependListener('checkContinue', remember);
  // Node.js restarts the time with the next byte in either direction.
  server.on('timeout', (socket: Socket) => {
    const exchange = latest.get(socket);
    if (!exchange || !waitsForServer(exchange)) socket.destroy();
  });
}

function waitsForServer({ request, response }: RequestAndResponse): boolean {
  const isFull = request.readableLength >= request.readableHighWaterMark;
  return !response.headersSent && (request.complete || isFull);
}
