import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { answerRaw } from './raw-response.ts';

/**
 * Answers plain HTTP requests to a TLS server with the reason. Without it, clients that try both (docker and podman with an
 * insecure registry) report a closed connection only.
 */
export function answerPlainHttp(server: Server): void {
  const connections = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    connections.set(peer, socket);
    socket.once('close', () => connections.delete(peer));
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, { remoteAddress, remotePort }: TLSSocket) => {
    if (error.code !== 'ERR_SSL_HTTP_REQUEST') return;
    const socket = connections.get(peerOf({ remoteAddress, remotePort }));
    // A slow client does not keep the connection open.
    socket?.once('finish', () => socket.destroy());
    if (socket) answerRaw(socket, '400 Bad Request', 'this is a plain HTTP request to an HTTPS port: use https://');
  });
}

function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}
