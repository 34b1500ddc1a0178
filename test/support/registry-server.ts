import type { Server } from 'node:http';
import { type AccessControl, openAccess } from '../../src/http/auth/access-control.ts';
import { createPublicUrl } from '../../src/http/server/public-url.ts';
import type { LingerLimits } from '../../src/http/server/linger.ts';
import type { RequestRecord } from '../../src/http/server/request-record.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createRegistry } from '../../src/registry/registry.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';

/** The registry alone over stores that a test has made: without a mirror, open to everybody. */
export interface RegistryServer {
  readonly url: string;
  /** Does not close the stores. */
  close(): Promise<void>;
}

export async function serveRegistry(
  driver: BlobDriver,
  metadata: MetadataStore,
  log: (record: RequestRecord) => void = () => undefined,
  linger?: LingerLimits,
  access: AccessControl = openAccess,
): Promise<RegistryServer> {
  const registry = createRegistry({ driver, metadata, now: Date.now, acceptMissing: false });
  const server: Server = createHttpServer({
    protocol: {
      registry,
      access,
      publicUrl: createPublicUrl({ publicUrl: undefined, trustedProxies: [] }),
      mirror: undefined,
      absoluteLocations: false,
      largestManifestBytes: 4 * 1024 * 1024,
    },
    web: (_request, response) => response.end(),
    log,
    linger,
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    async close() {
      await new Promise<void>((closed) => void server.close(() => closed()));
      await registry.uploads.close();
    },
  };
}
