import { type AddressInfo, createServer } from 'node:net';

/** Resolves to a free port of the loopback address, for programs that cannot choose one themselves. */
export function freePort(): Promise<number> {
  return new Promise((found, reject) => {
    const probe = createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => found(port));
    });
  });
}
