import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { answerRaw } from './raw-response.ts';

/**
 * Tells who speaks plain HTTP to a TLS server that it does. Clients that try both (docker and podman with an insecure
 * registry) would else show a connection that was cut, instead of what is wrong.
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
    // It stays open for no client that takes its time.
    socket?.once('finish', () => socket.destroy());
    if (socket) answerRaw(socket, '400 Bad Request', 'this is a plain HTTP request to an HTTPS port: use https://');
  });
}

function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}
