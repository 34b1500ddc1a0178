import type { Config } from '../../../config/schema.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Leases } from '../../coordination/leases.ts';
import {
  type RunResult,
  type Runner,
  type RunnableEntry,
  type RunnerOptions,
  type Sides,
  createRunner,
} from '../../maintenance/sync/runner.ts';
import { type ConfiguredEntry, type SyncOverview, createSyncOverview } from '../../maintenance/sync/overview.ts';
import { createLocalSource } from '../../maintenance/sync/local-side.ts';
import { createLocalTarget } from '../../maintenance/sync/local-target.ts';
import { createJsonClient } from '../../maintenance/sync/names/json-client.ts';
import { listNames } from '../../maintenance/sync/names/list-names.ts';
import type { Listing } from '../../maintenance/sync/names/apis.ts';
import { createRemoteSource } from '../../maintenance/sync/remote-source.ts';
import { createRemoteTarget } from '../../maintenance/sync/remote-target.ts';
import { pairOf } from '../../maintenance/sync/select.ts';
import { createUploadSessions } from '../../maintenance/sync/upload-sessions.ts';
import type { Peer } from '../../maintenance/verify/peers.ts';
import type { Log } from '../../observability/log.ts';
import { createImmutableTags } from '../../registry/immutable-tags.ts';
import type { Registry } from '../../registry/registry.ts';
import { limitTo } from '../../coordination/bandwidth.ts';
import { createBandwidths } from '../../upstream/bandwidths.ts';
import { type Clients, createClients } from '../../upstream/clients.ts';
import { createCredentials } from '../../upstream/credentials.ts';
import { createRateLimits } from '../../upstream/rate-limit.ts';
import { createTransport } from '../../upstream/transport.ts';
import { type Upstream, remoteNameOf } from '../../upstream/upstream.ts';
import { withScheme } from '../registries/upstream-settings.ts';
import { readImmutableTags } from './deletion-settings.ts';
import type { ReadEntry } from './sync-entries.ts';
import { toPeer } from './sync-peers.ts';
import { readSync } from './sync-settings.ts';

export interface SyncParts {
  readonly registry: Registry;
  readonly metadata: MetadataStore;
  readonly leases: Leases;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Aborted when the process shuts down: runs end early. */
  readonly closing?: AbortSignal;
  /** Pauses between tries of a blob, in milliseconds. Default: see `createRunner`. */
  readonly retryPauses?: RunnerOptions['retryPauses'];
}

/** Copies between this registry and others. */
export interface Sync {
  readonly overview: SyncOverview;
  readonly entries: readonly RunnableEntry[];
  readonly runner: Runner;
  /** The registries of the entries, as sources for repairs. */
  readonly peers: readonly Peer[];
  /** Interrupts running copies; resolves when they have ended. */
  close(): Promise<void>;
}

/** Opens what the entries of `sync` need. Rejects as `readSync` does. */
export async function openSync(config: Config, parts: SyncParts): Promise<Sync> {
  const { metadata, leases, now, log, retryPauses, closing = new AbortController().signal } = parts;
  const { registries, entries: read } = await readSync(config);
  const used = registries.all.filter(({ name }) => read.some(({ registry }) => registry === name));
  const network = openNetwork(config, used, now, log);
  const opened = read.flatMap((one) => {
    const upstream = used.find(({ name }) => name === one.registry);
    return upstream ? [{ read: one, entry: one.entry, open: openerOf(config, one, upstream, parts, network) }] : [];
  });
  const entries: readonly RunnableEntry[] = opened;
  const events = { ended: (result: RunResult) => report(log, result) };
  const runner = createRunner({ entries, metadata, leases, now, events, retryPauses });
  closing.addEventListener('abort', () => void runner.close(), { once: true });
  const configured = config.sync.flatMap(({ name, from, to }): ConfiguredEntry[] => {
    const found = read.find(({ entry }) => entry.name === name);
    return found ? [{ name, from, to, schedule: found.entry.schedule }] : [];
  });
  return {
    overview: createSyncOverview(configured, metadata, now),
    entries,
    runner,
    peers: opened.map((one) => toPeer(one.read, one.open, closing)),
    async close() {
      await runner.close();
      network.close();
    },
  };
}

function report(log: SyncParts['log'], { name, summary, error }: RunResult): void {
  if (error !== undefined)
    log.warn({ entry: name, ...summary, reason: error }, 'a run of sync has failed; berth sync --status says more');
  else if (summary.copiedTags + summary.deletedTags > 0) log.info({ entry: name, ...summary }, 'a run of sync has ended');
}

type Network = ReturnType<typeof openNetwork>;

/** Connections of its own: copies take none of those of clients of the mirror. */
function openNetwork(config: Config, upstreams: readonly Upstream[], now: () => number, log: SyncParts['log']) {
  const { timeouts, proxy } = config.mirror;
  const settings = {
    timeouts: { connectSeconds: timeouts.connect, headersSeconds: timeouts.headers, idleSeconds: timeouts.idle },
    proxy: { HTTP_PROXY: withScheme(proxy.http), HTTPS_PROXY: withScheme(proxy.https), NO_PROXY: proxy.none },
  };
  const clients: Clients = createClients({
    ...settings,
    upstreams: { all: upstreams },
    limits: createRateLimits(now),
    now,
    onLogin(registry, key, isAccepted) {
      if (!isAccepted) log.warn({ registry, key }, 'a registry refuses the login of sync');
    },
    onWaited: () => undefined,
  });
  const listings = new Map(upstreams.map((upstream) => [upstream, createTransport({ ...upstream, ...settings })]));
  return {
    clients,
    bandwidthOf: createBandwidths(),
    listingTransport: (upstream: Upstream) => listings.get(upstream) ?? createTransport({ ...upstream, ...settings }),
    close() {
      clients.close();
      for (const transport of listings.values()) transport.close();
    },
  };
}

/** APIs of registries that are known without `registries`. */
const usualListings: Readonly<Record<string, Listing>> = { 'docker.io': 'dockerhub', 'ghcr.io': 'ghcr', 'quay.io': 'quay' };
const usualPartBytes = 32 * 1024 * 1024;

function openerOf(config: Config, read: ReadEntry, upstream: Upstream, parts: SyncParts, network: Network) {
  const { entry, direction } = read;
  const { registry, metadata, now } = parts;
  const settings = config.registries[upstream.name];
  const ownLimit = limitTo(entry.bytesPerSecond);
  const sessions = createUploadSessions(metadata, entry.name, now);

  return (signal: AbortSignal): Sides => {
    const remote = {
      client: network.clients.get(upstream),
      base: upstream.url,
      remoteName: (name: string) => remoteNameOf(upstream, name),
      largestManifestBytes: config.mirror.maxManifestSize,
      signal,
      async spend(bytes: number) {
        await network.bandwidthOf(upstream).spend(bytes, signal);
        await ownLimit.spend(bytes, signal);
      },
    };
    if (direction === 'out') {
      const holders = async (digest: Parameters<Registry['blobs']['holders']>[0]) =>
        (await registry.blobs.holders(digest, 100)).flatMap((name) => pairOf(entry.from, entry.to, name)?.to ?? []);
      const partBytes = settings?.uploadPart ?? usualPartBytes;
      return {
        source: createLocalSource({ registry, metadata }, entry.from),
        target: createRemoteTarget({ ...remote, sessions, partBytes, holders }),
      };
    }
    const readLogin = createCredentials(upstream.logins, upstream.url.host, now);
    const apiUrl = settings?.listingUrl === undefined ? undefined : new URL(settings.listingUrl);
    const client = createJsonClient({
      client: remote.client,
      transport: network.listingTransport(upstream),
      credential: () => readLogin(''),
      trustedHosts: [upstream.url.hostname, ...(apiUrl ? [apiUrl.hostname] : [])],
      now,
      signal,
    });
    const listing = settings?.listing ?? usualListings[upstream.name] ?? 'catalog';
    const file = read.repositoriesFile;
    return {
      source: createRemoteSource({
        ...remote,
        listNames: () => listNames({ pattern: entry.from, file, listing, registry: upstream.url, apiUrl, client }),
      }),
      target: createLocalTarget({
        registry,
        metadata,
        sessions,
        immutable: createImmutableTags(readImmutableTags(config)),
        to: entry.to,
        largestManifestBytes: config.manifests.maxSize,
        reason: `sync ${entry.name}: the source has deleted it`,
      }),
    };
  };
}
