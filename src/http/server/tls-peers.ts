import type { Server, Socket } from 'node:net';

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>;

/**
 * Remembers what `opened` returns for each open connection of a TLS server. Returns a function that finds it by the TLS socket
 * of the connection: Node.js has no link from there to the connection's own socket.
 */
export function rememberByPeer<Value>(server: Server, opened: (socket: Socket) => Value): (peer: Peer) => Value | undefined {
  const byPeer = new Map<string, Value>();
  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    const value = opened(socket);
    byPeer.set(key, value);
    socket.once('close', () => {
      if (byPeer.get(key) === value) byPeer.delete(key);
    });
  });
  return (peer) => byPeer.get(keyOf(peer));
}

function keyOf({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress} ${remotePort}`;
}
