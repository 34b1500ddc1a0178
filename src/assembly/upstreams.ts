import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, whereSet } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { mostSpecificFirst, matches, parsePattern } from '../oci/patterns/repository-pattern.ts';
import type { CredentialSource } from '../upstream/credential.ts';
import type { MeasureDisk } from '../mirror/cache/disk-limit.ts';
import type { MirrorMetrics } from '../observability/mirror-metrics.ts';
import { createReplicaLock } from '../mirror/fills/replica-lock.ts';
import { createManifestLock } from '../mirror/content/manifest-lock.ts';
import { createMirror } from '../mirror/compose.ts';
import type { Mirror } from '../mirror/mirror.ts';
import { type Upstream, type UpstreamLogin, hasLogins } from '../upstream/upstream.ts';
import type { Log } from '../observability/log.ts';
import { createLeases } from '../coordination/leases.ts';
import { isSingleProcess } from './serves-alone.ts';
import { readTagFreshness } from './tag-freshness.ts';

/** Part of the time for an upstream's answer: a client that waited for another replica in vain must wait for the answer too. */
const lockWaitPart = 0.4;

/** The mirror, as the configuration wants it. `now` in milliseconds. */
export async function openMirror(
  config: Config,
  driver: BlobDriver,
  metadata: MetadataStore,
  now: () => number,
  log: Pick<Log, 'warn'>,
  metrics: MirrorMetrics,
): Promise<Mirror> {
  const { mirror, storage } = config;
  const { timeouts, proxy } = mirror;
  const upstreams = await readUpstreams(config);
  const patternErrors: string[] = [];
  const tagFreshness = readTagFreshness(config, patternErrors);
  if (patternErrors.length > 0) throw new ConfigError(patternErrors);
  const leases = createLeases({ metadata, now });
  const maxWaitSeconds = timeouts.headers * lockWaitPart;
  if (config.access.mode === 'open')
    warnOfSharing(
      upstreams.filter(({ name }) => !mirror.upstreams[name]?.passThrough),
      log,
    );
  return createMirror({
    driver,
    metadata,
    now,
    log,
    metrics,
    upstreams,
    fallback: mirror.default,
    freshnessSeconds: mirror.freshness,
    tagFreshness,
    revalidateWaitSeconds: mirror.revalidateWait,
    staleWhileRevalidateSeconds: mirror.staleWhileRevalidate,
    negativeSeconds: mirror.negativeCache,
    retrySeconds: mirror.retry,
    manifestLock: isSingleProcess(config) ? undefined : createManifestLock({ leases, metadata, now, maxWaitSeconds }),
    publicCheckSeconds: mirror.publicCheck,
    timeouts: { connectSeconds: timeouts.connect, headersSeconds: timeouts.headers, idleSeconds: timeouts.idle },
    proxy: { HTTP_PROXY: withScheme(proxy.http), HTTPS_PROXY: withScheme(proxy.https), NO_PROXY: proxy.none },
    directory: mirror.directory ?? join(storage.blobs.directory, '.berth/fills'),
    // Processes of one machine share the folder.
    replicaLock:
      storage.metadata.driver === 'postgres' ? createReplicaLock({ leases, metadata, now, maxWaitSeconds }) : undefined,
    downloadSpaceBytes: mirror.downloadSpace,
    finish: { part: mirror.finish.percent / 100, sizeBytes: mirror.finish.size },
    maxBytes: mirror.maxSize,
    keepFreeBytes: mirror.keepFree,
    disk: storage.blobs.driver === 'filesystem' ? diskOf(storage.blobs.directory) : () => Promise.resolve(undefined),
    prefetchBytes: mirror.prefetch,
    maxManifestBytes: mirror.maxManifestSize,
  });
}

function diskOf(directory: string): MeasureDisk {
  return async () => {
    const space = await statfs(directory).catch(() => undefined);
    return space && { freeBytes: space.bavail * space.bsize, totalBytes: space.blocks * space.bsize };
  };
}

/** `proxy.example:3128` is `http://proxy.example:3128`, as in curl and Go. */
function withScheme(proxy: string | undefined): string | undefined {
  return proxy === undefined || proxy.includes('://') ? proxy : `http://${proxy}`;
}

function warnOfSharing(upstreams: readonly Upstream[], log: Pick<Log, 'warn'>): void {
  const shared = upstreams.filter(hasLogins).map(({ name }) => name);
  if (shared.length === 0) return;
  log.warn(
    { upstreams: shared },
    'access.mode open: every client that reaches this server may pull what its logins at upstreams show',
  );
}

/** `mirror.upstreams` of the configuration. Rejects with `ConfigError` for patterns and files that cannot be read. */
export async function readUpstreams(config: Pick<Config, 'mirror'>): Promise<readonly Upstream[]> {
  const errors: string[] = [];
  const upstreams = Object.entries(config.mirror.upstreams).map(([name, settings]) => {
    const where = (field: string) => whereSet(config, ['mirror', 'upstreams', name, field]);
    return toUpstream(name, settings, where, errors);
  });
  const read = await Promise.all(upstreams);
  if (errors.length > 0) throw new ConfigError(errors);
  return read;
}

type UpstreamSettings = Config['mirror']['upstreams'][string];
type LoginSettings = UpstreamSettings['logins'][string];

/** `where` returns the end of a message: where a key of this upstream was set. */
async function toUpstream(
  name: string,
  settings: UpstreamSettings,
  where: (field: string) => string,
  errors: string[],
): Promise<Upstream> {
  const key = `mirror.upstreams.${name}`;
  const { url, ca, redirects, logins, bandwidth, connections, search, ...login } = settings;
  const address = new URL(url);
  if (address.username !== '' || address.password !== '')
    errors.push(
      `${key}.url holds a login: write it as ${key}.username and ${key}.password, so that berth knows of it${where('url')}`,
    );
  return {
    name,
    url: address,
    searchUrl: search === undefined ? undefined : new URL(search),
    logins: [
      ...byPattern(`${key}.logins`, logins, where('logins'), errors),
      { matches: () => true, source: toSource(key, login) },
    ],
    bytesPerSecond: bandwidth === 0 ? undefined : bandwidth,
    connections,
    ca:
      ca === undefined
        ? undefined
        : await readFile(ca, 'utf8').catch(noting(errors, `${key}.ca: cannot read ${ca}${where('ca')}`)),
    redirects,
  };
}

/** The most special pattern first. */
function byPattern(key: string, logins: UpstreamSettings['logins'], where: string, errors: string[]): readonly UpstreamLogin[] {
  return Object.entries(logins)
    .flatMap(([text, login]) => {
      const pattern = parsePattern(text);
      if (!pattern)
        errors.push(`${key}: ${text} is not a pattern of repositories, such as team-a/app, team-a/* or team-a/**${where}`);
      return pattern ? { pattern, source: toSource(`${key}.${text}`, login) } : [];
    })
    .sort((one, other) => mostSpecificFirst(one.pattern, other.pattern))
    .map(({ pattern, source }) => ({ matches: (remoteName) => matches(pattern, remoteName), source }));
}

function toSource(key: string, { username, password, passwordFile, credentialCommand }: LoginSettings): CredentialSource {
  return { key, username, password, passwordFile, command: credentialCommand?.split(/\s+/) };
}

function noting(errors: string[], what: string): (error: Error) => undefined {
  return (error) => void errors.push(`${what}: ${error.message}`);
}
