import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { BlobDriver } from '../storage/blobs/driver.ts';
import type { MetadataStore } from '../storage/metadata/store.ts';
import type { Measures } from './mirror/measures.ts';
import { type Mirror, createMirror } from './mirror/mirror.ts';
import type { Upstream } from './mirror/upstream.ts';
import type { Log } from './observability/log.ts';

/** The mirror, as the configuration wants it. `now` in milliseconds. */
export async function openMirror(
  { mirror, storage, manifests }: Config,
  driver: BlobDriver,
  metadata: MetadataStore,
  now: () => number,
  log: Log,
  measures: Measures,
): Promise<Mirror> {
  const { timeouts, proxy } = mirror;
  return createMirror({
    driver,
    metadata,
    now,
    log,
    measures,
    upstreams: await Promise.all(Object.entries(mirror.upstreams).map(([name, settings]) => toUpstream(name, settings))),
    fallback: mirror.default,
    freshnessSeconds: mirror.freshness,
    timeouts: { connectSeconds: timeouts.connect, headersSeconds: timeouts.headers, idleSeconds: timeouts.idle },
    proxy: { HTTP_PROXY: proxy.http, HTTPS_PROXY: proxy.https, NO_PROXY: proxy.none },
    directory: mirror.directory ?? join(storage.blobs.directory, '.berth/fills'),
    maxBytes: mirror.maxSize,
    prefetchBytes: mirror.prefetch,
    largestManifestBytes: manifests.maxSize,
  });
}

type UpstreamSettings = Config['mirror']['upstreams'][string];

async function toUpstream(name: string, { url, ca, redirects, ...login }: UpstreamSettings): Promise<Upstream> {
  return {
    name,
    url: new URL(url),
    credential: {
      username: login.username,
      password: login.password,
      passwordFile: login.passwordFile,
      command: login.credentialCommand?.split(/\s+/),
    },
    ca: ca === undefined ? undefined : await readFile(ca, 'utf8'),
    redirects,
  };
}
