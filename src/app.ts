import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { isLoopback } from '../config/check.ts';
import type { Config } from '../config/schema.ts';
import { openMaintenance } from './assembly/maintenance-services.ts';
import type { ApiParts } from './assembly/api-services.ts';
import type { Guard } from './assembly/guard.ts';
import { readDeletion } from './assembly/maintenance/deletion-settings.ts';
import { removeLeftovers } from './assembly/start/leftovers.ts';
import { type Certificate, openCertificate } from './http/server/certificate.ts';
import { openMetricsEndpoint } from './assembly/observability/metrics-endpoint.ts';
import { endRequestSpan } from './http/server/request-span.ts';
import { createPublicUrl } from './http/server/public-url.ts';
import { sendPath } from './http/transfer/send-object.ts';
import { createHttpServer } from './http/server.ts';
import { onFirstRequest } from './http/server/on-first-request.ts';
import { serveHealth } from './http/system/health.ts';
import { createClientChecks } from './mirror/check/client-checks.ts';
import type { Mirror } from './mirror/mirror.ts';
import type { Log } from './observability/log.ts';
import { type Metrics, createMetrics } from './observability/metrics.ts';
import { openMetrics } from './assembly/observability/open-metrics.ts';
import { openTelemetry } from './assembly/observability/open-telemetry.ts';
import type { SharedMetrics } from './observability/worker-metrics.ts';
import { createLeases } from './coordination/leases.ts';
import { openStores } from './assembly/start/open-stores.ts';
import { openControl, refuseIgnoredAccounts } from './assembly/open-mode.ts';
import { type Registry, type RegistryOptions, createRegistry } from './registry/registry.ts';
import { openMaintenanceMode } from './assembly/maintenance/maintenance-mode.ts';
import { readHttpLimits } from './assembly/limits/http-limits.ts';
import { openLimits } from './assembly/limits/rate-limits.ts';
import { openReloader, readUploadLimits } from './assembly/reload/reloadables.ts';
import type { Reloader } from './assembly/reload/reloader.ts';
import { openQuotas } from './assembly/maintenance/quotas.ts';
import { createJobRecords } from './job-records.ts';
import { listJobs, startJobs } from './jobs.ts';
import { openConsumers } from './assembly/maintenance/event-consumers.ts';
import { describeReadOnly } from './maintenance/mode/maintenance-mode.ts';
import { createSuspects } from './maintenance/verify/suspects.ts';
import type { Webhooks } from './webhooks/webhooks.ts';
import { openPinnedImages } from './assembly/pinned-images.ts';
import { type MakeRoom, makingRoom } from './assembly/maintenance/making-room.ts';
import { isSingleProcess } from './assembly/serves-alone.ts';
import { openImageContents } from './assembly/images/image-contents.ts';
import { openSignaturePolicy } from './assembly/images/signatures.ts';
import type { Tracer } from './telemetry/tracer.ts';
import { openMirror } from './assembly/upstreams.ts';
import { logRequest } from './assembly/observability/request-log.ts';

/** The server, made from the configuration: stores, services, HTTP. */
export interface App extends Reloader {
  /** The generated password of the admin that this start has created; it is stored nowhere else. */
  readonly generatedPassword: string | undefined;
  /**
   * Begins to listen; resolves to the URL. Rejects if the address is in use. With `reusePort` other processes of this user may
   * listen at the address, too, and the kernel distributes the connections.
   */
  listen(options?: { readonly reusePort: boolean }): Promise<string>;
  /**
   * Shuts down: `/readyz` fails at once; after `shutdown.delay` no new connections are accepted; requests in progress get
   * `shutdown.grace` to end, then their connections are closed; then the stores are closed. Acknowledged changes are durable,
   * and clients can resume uploads after the next start.
   */
  close(): Promise<void>;
}

/** Opens the stores and creates the server. `shared`: the metrics of all processes, if this is one of several workers. */
export async function createApp(config: Config, log: Log, shared?: SharedMetrics): Promise<App> {
  const telemetry = await openTelemetry(config, log, shared?.worker);
  const [{ tracer }, ownMetrics] = [telemetry, createMetrics(shared?.worker)];
  const { driver, metadata, hasOtherRegistry } = await openStores(config, log, { metrics: ownMetrics.stores, tracer });
  const now = Date.now;
  const leases = createLeases({ metadata, now });
  const sharedLeases = isSingleProcess(config) ? undefined : leases;
  const { metrics, traffic } = openMetrics(config, ownMetrics, metadata, now, shared);
  const common = { metadata, now, log, metrics };
  const consumers = await openConsumers(config, {
    ...common,
    driver,
    leases: sharedLeases,
    ownsLinks: !hasOtherRegistry,
    images: () => imageContents.images(),
  });
  // The mirror is opened later; until then no blob is written.
  let makeRoom: MakeRoom = () => Promise.resolve();
  const suspects = createSuspects();
  const closing = new AbortController();
  const quotas = await openQuotas(config, { ...common, changed: consumers.notify, closing: closing.signal });
  const uploadLimits = readUploadLimits(config);
  const registry = openRegistry(config, {
    ...common,
    driver: makingRoom(driver, (bytes) => makeRoom(bytes)),
    limits: uploadLimits.limits,
    leases: sharedLeases,
    admission: quotas.admission,
    signatures: await openSignaturePolicy(config, { driver, metadata, now }),
    changed: consumers.notify,
    counted: metrics.trash.moved,
    onDamaged: suspects.report,
  });
  const mirror = traffic.watched(await openMirror(config, driver, metadata, now, log, { metrics: metrics.mirror, tracer }));
  makeRoom = mirror.makeRoom;
  if (isSingleProcess(config)) await mirror.recover();
  metrics.watchMirror(mirror.state);
  const pinned = openPinnedImages(config, { mirror, registry, metadata, leases, now, log, metrics: metrics.mirror });
  const stores = { ...common, registry, driver, mirror, leases, suspects, closing: closing.signal };
  const maintenance = await openMaintenance(config, stores);
  const imageContents = openImageContents(config, { ...stores, registry, leases: sharedLeases });
  const [limits, mode] = [openLimits(config, stores), openMaintenanceMode(config, stores)];
  const certificate = await openTls(config);
  const served = { ...stores, maintenance, imageContents, limits: limits.clients, mode, traffic, certificate };
  const guard = await openGuard(config, mirror, served, now);
  const startedAt = now();
  let leftoversRemoved = Promise.resolve();
  const scraped = { contentType: metrics.contentType, text: shared?.gather ?? metrics.text };
  const endpoint = await openMetricsEndpoint(config, scraped, log);
  const parts = { ...served, guard, scraped, tracer, webhooks: consumers.webhooks };
  const server = createServer(config, parts);
  const records = createJobRecords(metadata.jobRuns);
  const schedule = { ...common, leases: sharedLeases, metrics: metrics.jobs, records, tracer };
  const jobs = startJobs(listJobs(config, { ...parts, ...maintenance, consumers, quotas }), schedule);

  return {
    generatedPassword: guard?.generatedPassword,
    ...openReloader(config, { log, limits, mode, uploadLimits, guard, certificate, mirror }),
    async listen({ reusePort } = { reusePort: false }) {
      await endpoint.listen(reusePort);
      const url = await listen(server, config, reusePort);
      // If this is the only process, all files older than its start are left from a crash.
      const before = isSingleProcess(config) ? startedAt : startedAt - config.uploads.expireAfter * 1000;
      leftoversRemoved = removeLeftovers({ driver, uploads: registry.uploads, before, log, signal: closing.signal });
      return url;
    },
    async close() {
      closing.abort(new Error('berth is shutting down'));
      jobs.stop();
      pinned.stop();
      await pause(config.shutdown.delay * 1000);
      await drain(server, config.shutdown.grace);
      await leftoversRemoved;
      await maintenance.close();
      await imageContents.close();
      await endpoint.close();
      await registry.uploads.close();
      await registry.pulls.flush();
      await traffic.close();
      const unpinned = pinned.close();
      await mirror.close();
      await unpinned;
      await guard?.audit.flush();
      await consumers.close(config.shutdown.grace);
      await metadata.close();
      await driver.close();
      await telemetry.close();
    },
  };
}

interface RegistryParts extends Pick<
  RegistryOptions,
  'limits' | 'driver' | 'metadata' | 'now' | 'leases' | 'changed' | 'counted' | 'admission' | 'onDamaged' | 'signatures'
> {
  readonly log: Log;
}

function openRegistry(config: Config, { log, ...parts }: RegistryParts): Registry {
  return createRegistry({
    ...parts,
    ...readDeletion(config),
    maxOpenFiles: config.uploads.maxOpenFiles,
    ignoredAccounts: config.retention.ignorePullsBy,
    onPullsNotRecorded: (error) =>
      log.error({ err: error }, 'pulls could not be recorded: rules of retention may count them too late'),
  });
}

async function openTls({ tls: { certificate, key } }: Config): Promise<Certificate | undefined> {
  return certificate !== undefined && key !== undefined ? openCertificate({ certificate, key }) : undefined;
}

interface Parts extends ApiParts {
  readonly mirror: Mirror;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly certificate: Certificate | undefined;
  readonly guard: Guard | undefined;
  readonly webhooks: Webhooks | undefined;
  readonly tracer: Tracer | undefined;
  /** The metrics that a scrape gets. */
  readonly scraped: Pick<Metrics, 'contentType' | 'text'>;
  /** Aborted when berth begins to shut down. */
  readonly closing: AbortSignal;
}

function createServer(config: Config, parts: Parts): Server {
  const { registry, mirror, driver, metadata, log, metrics, certificate, guard, limits, mode, closing, tracer } = parts;
  const health = {
    facts: { blobs: driver.name, metadata: metadata.name, sendPath },
    ready: async () => {
      closing.throwIfAborted();
      await Promise.all([driver.check(), metadata.check()]);
    },
    async readOnly() {
      const state = await mode.find();
      return state && describeReadOnly(state);
    },
  };
  const access = guard?.control ?? openControl(config, mirror, metadata);
  const publicUrl = createPublicUrl(config);
  // Express and everything that needs it is a fifth of the time and memory of a start.
  const web = onFirstRequest(async () => {
    const { assembleWeb } = await import('./assembly/web.ts');
    return assembleWeb(config, { ...parts, access, publicUrl });
  });
  return createHttpServer({
    protocol: {
      registry,
      mirror,
      access,
      audit: guard?.audit,
      pulled: parts.webhooks?.pulls.add,
      publicUrl,
      limits,
      mode,
      checks: config.page.check === 'on' ? createClientChecks(metadata, Date.now) : undefined,
      absoluteLocations: config.locations === 'absolute',
      largestManifestBytes: config.manifests.maxSize,
    },
    web(request, response) {
      if (!serveHealth(health, request, response)) web(request, response);
    },
    log(record, { route, span }) {
      metrics.request(record, route);
      logRequest(log, record, span?.ids);
      if (span) endRequestSpan(span, record, route);
    },
    certificate,
    tracer,
    limits: readHttpLimits(config, { log, metrics }),
    listensOnLoopback: isLoopback(config.listen.host),
  });
}

async function openGuard(
  config: Config,
  { visibility }: Pick<Mirror, 'visibility'>,
  parts: ApiParts & Pick<Parts, 'metrics' | 'log'>,
  now: () => number,
): Promise<Guard | undefined> {
  if (config.access.mode === 'open') {
    await refuseIgnoredAccounts(config, parts.metadata);
    return undefined;
  }
  // Loaded only in the modes that need them: the API and its services take time and memory.
  const { createGuard } = await import('./assembly/guard.ts');
  const { openApiServices } = await import('./assembly/api-services.ts');
  return createGuard(config, parts.metadata, visibility, openApiServices(config, parts), now, {
    log: parts.log,
    metrics: parts.metrics.access,
  });
}

function listen(server: Server, { listen: { host, port }, tls }: Config, reusePort: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, reusePort }, () => {
      server.off('error', reject);
      const bound = server.address() as AddressInfo;
      const name = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
      resolve(`${tls.certificate ? 'https' : 'http'}://${name}:${bound.port}`);
    });
  });
}

/** Interval of closing idle connections while the server shuts down. */
const closeIdleMilliseconds = 200;

/** Stops accepting connections. Resolves when all connections are closed, at the latest after `graceSeconds`. */
async function drain(server: Server, graceSeconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Proxies keep connections open: each response announces the end, and idle connections are closed.
  server.prependListener('request', (_request, response) => void (response.shouldKeepAlive = false));
  server.closeIdleConnections();
  const closing = setInterval(() => server.closeIdleConnections(), closeIdleMilliseconds);
  const deadline = setTimeout(() => server.closeAllConnections(), graceSeconds * 1000);
  await closed;
  clearInterval(closing);
  clearTimeout(deadline);
}
