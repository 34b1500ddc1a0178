import { type AddressInfo, createServer } from 'node:net';

/** A port of the loopback address on which nobody listens, for programs that cannot choose one themselves. */
export function freePort(): Promise<number> {
  return new Promise((found, reject) => {
    const probe = createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => found(port));
    });
  });
}
