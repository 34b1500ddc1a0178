import type { Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { answerRaw } from './raw-response.ts';
import { rememberByPeer } from './tls-peers.ts';

/**
 * Answers plain HTTP requests to a TLS server with the reason. Without it, clients that try both (docker and podman with an
 * insecure registry) report a closed connection only.
 */
export function answerPlainHttp(server: Server): void {
  const connectionOf = rememberByPeer(server, (socket) => socket);
  server.on('tlsClientError', (error: NodeJS.ErrnoException, peer: TLSSocket) => {
    if (error.code !== 'ERR_SSL_HTTP_REQUEST') return;
    const socket = connectionOf(peer);
    // A slow client does not keep the connection open.
    socket?.once('finish', () => socket.destroy());
    if (socket) answerRaw(socket, '400 Bad Request', 'this is a plain HTTP request to an HTTPS port: use https://');
  });
}
