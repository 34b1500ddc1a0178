import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Cuts off a client that sends nothing, or takes nothing, for `milliseconds`. Not one that waits for us: to verify or move
 * a large blob takes its time, and so does a slow store to take a chunk.
 */
export function cutIdleClients(server: Server, milliseconds: number): void {
  const latest = new WeakMap<Socket, Exchange>();
  const remember = (request: IncomingMessage, response: ServerResponse) => void latest.set(request.socket, { request, response });
  server.timeout = milliseconds;
  server.prependListener('request', remember);
  server.prependListener('checkContinue', remember);
  // The time begins anew with the next byte in either direction.
  server.on('timeout', (socket: Socket) => {
    const context = latest.get(socket);
    if (!context || !waitsForUs(context)) socket.destroy();
  });
}

function waitsForUs({ request, response }: Exchange): boolean {
  const isFull = request.readableLength >= request.readableHighWaterMark;
  return !response.headersSent && (request.complete || isFull);
}
