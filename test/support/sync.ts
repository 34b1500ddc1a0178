import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { type Sync, openSync } from '../../src/assembly/maintenance/sync.ts';
import { openBlobStore } from '../../src/assembly/blob-store.ts';
import { readDeletion } from '../../src/assembly/maintenance/deletion-settings.ts';
import { openMetadata } from '../../src/assembly/metadata-store.ts';
import { createLeases } from '../../src/coordination/leases.ts';
import { type RunRequest, type RunResult, scheduledRun } from '../../src/maintenance/sync/runner.ts';
import type { SyncAction } from '../../src/maintenance/sync/sync-repository.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { RepositoryName, Tag } from '../../src/oci/reference.ts';
import { type Registry, createRegistry } from '../../src/registry/registry.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { serveRegistry } from './registry-server.ts';
import { createStores } from './stores.ts';

type Written = Readonly<Record<string, unknown>>;

/** What a site copies, as the configuration has it; `sync` entries need no name. */
export interface SyncConfig {
  readonly registries: Readonly<Record<string, Written>>;
  readonly sync: readonly Written[];
  readonly [section: string]: unknown;
}

/** A registry in this process with a clock that tests set, which copies from and to others. */
export interface SyncSite {
  readonly url: string;
  readonly metadata: MetadataStore;
  registry: Registry;
  /** Milliseconds since 1970. */
  now: number;
  /** Requests that it was sent, such as `HEAD /v2/a/manifests/1`, since the last call. */
  takeRequests(): readonly string[];
  /** Reads the configuration: a process that has just started. */
  configure(config: SyncConfig): Promise<Sync>;
  /** Runs the first entry of the configuration, with what it did. */
  run(mode?: Partial<RunRequest>): Promise<RunResult & { readonly actions: readonly SyncAction[] }>;
  /** The digest that the tag points at. */
  tag(repository: string, tag: string): Promise<Digest | undefined>;
  /** Points a tag at the manifest that another tag points at, as a client does. */
  retag(repository: string, from: string, to: string): Promise<Digest>;
  tags(repository: string): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

/** Starts a registry with empty stores, on a free port. */
export async function startSite(): Promise<SyncSite> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-sync-'));
  const stores = await createStores();
  const environment = { BERTH_STORAGE_BLOBS_DIRECTORY: join(directory, 'data'), ...stores.settings };
  const plain = loadConfig({ environment });
  const [driver, metadata] = [await openBlobStore(plain.storage.blobs), await openMetadata(plain)];
  const requests: string[] = [];
  const server = await serveRegistry(driver, metadata, ({ method, url }) => void requests.push(`${method} ${url}`));
  const now = () => site.now;
  const leases = createLeases({ metadata, now: Date.now });
  const log = { info: () => undefined, warn: () => undefined };
  let sync: Sync | undefined;

  const site: SyncSite = {
    url: server.url,
    metadata,
    registry: createRegistry({ driver, metadata, now, acceptMissing: false }),
    now: Date.now(),
    takeRequests: () => requests.splice(0),
    async configure(config) {
      await sync?.close();
      await site.registry.uploads.close();
      const file = join(directory, 'berth.yaml');
      const entries = config.sync.map((entry, index) => ({ name: `entry-${index}`, ...entry }));
      await writeFile(file, JSON.stringify({ ...config, sync: entries }));
      const loaded = loadConfig({ file, environment });
      site.registry = createRegistry({ driver, metadata, now, ...readDeletion(loaded) });
      const parts = { registry: site.registry, metadata, leases, now, log, retryPauses: { first: 1, longest: 2 } };
      sync = await openSync(loaded, parts);
      return sync;
    },
    async run(mode = {}) {
      const [entry] = sync?.entries ?? [];
      if (!sync || !entry) throw new Error('the site has no entry');
      const actions: SyncAction[] = [];
      const onAction = (action: SyncAction) => void actions.push(action);
      const result = await sync.runner.run(entry, { ...scheduledRun, onProgress: () => undefined, onAction, ...mode });
      if (!result) throw new Error('another process runs the entry');
      return { ...result, actions };
    },
    async tag(repository, tag) {
      return (await metadata.manifests.findByTag(repository as RepositoryName, tag))?.digest;
    },
    async retag(repository, from, to) {
      const name = repository as RepositoryName;
      const { manifests } = site.registry;
      const { digest, mediaType, sizeBytes } = await manifests.find(name, { tag: from as Tag });
      await manifests.put(name, { tag: to as Tag }, [], await manifests.bytes(digest, sizeBytes), mediaType);
      return digest;
    },
    tags: (repository) => metadata.tags.list(repository as RepositoryName, '', 1000),
    async dispose() {
      await sync?.close();
      await site.registry.uploads.close();
      await server.close();
      await metadata.close();
      await driver.close();
      await stores.dispose();
      await rm(directory, { recursive: true, maxRetries: 5 });
    },
  };
  return site;
}
