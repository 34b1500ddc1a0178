import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/**
 * Return `node:tls` and `node:https`, which an `import` would load at the start: 3 MiB of memory and 10 ms, which a server on
 * plain HTTP does not need before its first request to an upstream.
 */
export const loadTls = () => process.getBuiltinModule('node:tls');
export const loadHttps = () => process.getBuiltinModule('node:https');

/** True if the socket is one of TLS. */
export function isTlsSocket(socket: Socket): socket is TLSSocket {
  return 'encrypted' in socket;
}
