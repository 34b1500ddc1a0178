import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { loadConfig } from '../../config/load.ts';
import { AuthenticationError } from '../../src/access/credentials/authentication-error.ts';
import type { ImageFetches } from '../../src/mirror/images/image-fetches.ts';
import type { JobsOverview } from '../../src/progress/jobs-overview.ts';
import type { ArchiveImports } from '../../src/archives/in/imports.ts';
import type { ArchiveExports } from '../../src/archives/out/exports.ts';
import type { Adoption } from '../../src/maintenance/adopt/report.ts';
import type { OperationReport } from '../../src/http/overviews/operation-report.ts';
import type { Images } from '../../src/images/images.ts';
import type { MaintenanceMode } from '../../src/maintenance/mode/maintenance-mode.ts';
import type { Backups } from '../../src/maintenance/backup/backups.ts';
import type { CollectionOverview } from '../../src/maintenance/collect/overview.ts';
import type { VerificationOverview } from '../../src/maintenance/verify/overview.ts';
import type { UpstreamChecks } from '../../src/mirror/check/upstream-checks.ts';
import type { MirrorOverview } from '../../src/mirror/traffic/mirror-overview.ts';
import type { UsageOverview } from '../../src/maintenance/usage/usage-overview.ts';
import type { WebhookOverview } from '../../src/webhooks/overview.ts';
import type { QuotaOverview } from '../../src/maintenance/quotas/overview.ts';
import type { RetentionOverview } from '../../src/maintenance/retention/overview.ts';
import type { SyncOverview } from '../../src/maintenance/sync/overview.ts';
import { createGuard } from '../../src/assembly/guard.ts';
import { logRequest } from '../../src/assembly/observability/request-log.ts';
import { createHttpServer } from '../../src/http/server.ts';
import type { RequestRecord } from '../../src/http/server/request-record.ts';
import { createPublicUrl } from '../../src/http/server/public-url.ts';
import { createMetricsRouter, createMetricsServer } from '../../src/http/system/metrics.ts';
import { createMirrorConfigRouter } from '../../src/http/system/mirror-config.ts';
import { createDescriptions } from '../../src/images/description/describe-image.ts';
import { createViews } from '../../src/http/overviews/views.ts';
import { createCatalogServices } from '../../src/catalog/services.ts';
import { createPageRouter } from '../../src/http/ui/router.ts';
import { createSearchRouter } from '../../src/http/v1/router.ts';
import { createWeb } from '../../src/http/web.ts';
import { createRegistry } from '../../src/registry/registry.ts';
import { createSearch } from '../../src/search/search.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { MetadataError, type MetadataStore } from '../../storage/metadata/store.ts';
import { adminPassword, basic } from '../support/access.ts';
import { type Answer, call } from '../support/call.ts';
import { until } from '../support/until.ts';
import { wrapOperations } from '../support/wrapped-metadata.ts';
import { noLimits } from '../support/limits.ts';

type Line = Readonly<Record<string, unknown>>;

/** Every call of the stores, and of the parts without a store, fails with it; undefined: none does. */
let failure: Error | undefined;
const fail = () => Promise.reject(failure ?? new Error('no failure'));

let directory: string;
let store: MetadataStore;
let server: Server;
let url: string;
let lines: Line[];
/** The patterns of paths, by request id. */
const routes = new Map<string, string | undefined>();
let users = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-test-'));
  store = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  server = await createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await store.close();
  await rm(directory, { recursive: true });
});
beforeEach(() => {
  lines = [];
});

/** Every mount of a server in mode token, over stores that fail on demand. */
async function createServer(): Promise<Server> {
  const metadata = wrapOperations(
    store,
    (operation) =>
      (...values) =>
        failure === undefined ? operation(...values) : fail(),
  );
  const environment = {
    BERTH_STORAGE_BLOBS_DIRECTORY: directory,
    BERTH_ACCESS_MODE: 'token',
    BERTH_ACCESS_ADMIN_PASSWORD: adminPassword,
  };
  const config = loadConfig({ environment });
  const log = pino({ level: 'debug' }, { write: (line) => void lines.push(JSON.parse(line) as Line) });
  const visibility = {
    isPublic: () => Promise.resolve(true),
    isKnownPublic: () => Promise.resolve(true),
    hidden: () => Promise.resolve(new Set<string>()),
  };
  const driver = await createFilesystemDriver({ directory });
  const registry = createRegistry({ driver, metadata, now: Date.now, acceptMissing: false });
  const services = {
    limits: noLimits,
    content: registry,
    ...createCatalogServices(metadata, Date.now),
    search: createSearch(metadata, Date.now),
    descriptions: createDescriptions({ driver, metadata, manifests: registry.manifests }),
    pulls: registry.pulls,
    retention: {} as RetentionOverview,
    tagRules: () => ({ immutable: [], protected: [], retention: [] }),
    exports: {} as ArchiveExports,
    backups: {} as Backups,
    images: () => Promise.resolve({} as Images),
    collection: {} as CollectionOverview,
    verification: {} as VerificationOverview,
    adoption: {} as Adoption,
    sync: {} as SyncOverview,
    quotas: {} as QuotaOverview,
    mode: { find: () => Promise.resolve(undefined) } as MaintenanceMode,
    operation: {} as OperationReport,
    usage: {} as UsageOverview,
    mirror: {} as MirrorOverview,
    checks: undefined,
    upstreamChecks: {} as UpstreamChecks,
    imports: {} as ArchiveImports,
    jobs: {} as JobsOverview,
    webhooks: () => Promise.resolve({} as WebhookOverview),
    fetches: {} as ImageFetches,
  };
  const { control: access, ...guard } = await createGuard(config, metadata, visibility, services, Date.now, {
    log,
    metrics: { loginFailed: () => undefined },
  });
  const publicUrl = createPublicUrl(config);
  const broken = {
    ...publicUrl,
    base() {
      throw failure ?? new Error('no failure');
    },
  };
  const findAuthority = () => Promise.resolve(undefined);
  const upstreams = { upstreams: ['docker.io'], fallback: 'docker.io', findAuthority };
  const views = createViews(services, access);
  const page = { ...views, registry, services, access, publicUrl, mirror: upstreams, now: Date.now, logins: undefined };
  const web = createWeb([
    { path: '/v1', router: createSearchRouter(services.search, access, { find: () => Promise.resolve([]) }) },
    { path: '/metrics', router: createMetricsRouter({ metrics: { contentType: 'text/plain', text: fail }, token: undefined }) },
    { path: '/_mirror', router: createMirrorConfigRouter(upstreams, broken) },
    ...guard.extensions,
    { path: '/ui', router: createPageRouter(page) },
  ]);
  return createHttpServer({
    protocol: { registry, mirror: undefined, access, publicUrl, absoluteLocations: false, largestManifestBytes: 4_000_000 },
    web,
    log(record, { route }) {
      routes.set(record.requestId, route);
      logRequest(log, record);
    },
  });
}

const oci = 'application/json';
const problem = 'application/problem+json; charset=utf-8';

/** A path below each mount, the type of its errors, and the pattern of the path in metrics and traces. */
const mounts = [
  ['/v2/app/tags/list', oci, '/v2/<name>/tags/list'],
  ['/token?scope=repository:app:pull', oci, '/token'],
  ['/v1/search?q=app', problem, '/v1/search'],
  ['/api/v1/users', problem, '/api/v1/users'],
  ['/ui', 'text/html; charset=utf-8', '/ui'],
  ['/.well-known/jwks.json', problem, '/.well-known/jwks.json'],
  ['/metrics', problem, '/metrics'],
  ['/_mirror/config?client=docker', problem, '/_mirror/config'],
] as const;

/** Sends a request that fails with `error`. Resolves to the answer, and to the log lines with its request id. */
async function failWith(error: Error, path: string): Promise<{ readonly answer: Answer; readonly logged: readonly Line[] }> {
  failure = error;
  // A name of its own: logins with one name become slower with every one that fails.
  const answer = await call({ url }, 'GET', path, { headers: basic(`user${++users}`, adminPassword) });
  failure = undefined;
  const find = () => lines.filter(({ requestId }) => requestId === answer.header('x-request-id'));
  await until(() => find().length > 0);
  return { answer, logged: find() };
}

describe.each(mounts)('%s', (path, type, route) => {
  test('a failed request has its route in metrics and traces', async () => {
    const { answer } = await failWith(new TypeError('defect'), path);
    expect(routes.get(answer.header('x-request-id'))).toBe(route);
  });

  test('answers 503 with Retry-After while the store is down, and logs one line with the request id and the cause', async () => {
    const error = new MetadataError('unavailable', 'no connection', { cause: new Error('connect ECONNREFUSED') });
    const { answer, logged } = await failWith(error, path);
    expect([answer.status, answer.header('retry-after'), answer.header('content-type')]).toEqual([503, '5', type]);
    expect(answer.body.toString()).not.toContain('ECONNREFUSED');
    expect(logged).toEqual([
      expect.objectContaining({ level: 50, status: 503, code: 'UNAVAILABLE', reason: 'no connection: connect ECONNREFUSED' }),
    ]);
  });

  test('answers 429 with the Retry-After of the limit', async () => {
    const { answer, logged } = await failWith(new AuthenticationError('throttled', 17), path);
    expect([answer.status, answer.header('retry-after'), answer.header('content-type')]).toEqual([429, '17', type]);
    expect(logged).toEqual([expect.objectContaining({ level: 30, status: 429, code: 'TOOMANYREQUESTS' })]);
  });

  test('answers a defect by 500 with the request id and no cause, and logs its stack', async () => {
    const { answer, logged } = await failWith(new TypeError('secret is undefined'), path);
    expect([answer.status, answer.header('content-type')]).toEqual([500, type]);
    expect(answer.body.toString()).toContain(answer.header('x-request-id'));
    expect(answer.body.toString()).not.toContain('secret');
    expect(logged).toEqual([
      expect.objectContaining({ level: 50, err: expect.objectContaining({ stack: expect.any(String) as unknown }) as unknown }),
    ]);
  });
});

test('/metrics with its own address answers 503 with Retry-After, and logs one line with the request id and the cause', async () => {
  const logged: RequestRecord[] = [];
  const error = new MetadataError('unavailable', 'no connection');
  const metrics = { contentType: 'text/plain', text: () => Promise.reject(error) };
  const own = createMetricsServer({ metrics, token: undefined }, (record) => logged.push(record));
  await new Promise<void>((listening) => own.listen(0, '127.0.0.1', listening));
  const address = { url: `http://127.0.0.1:${(own.address() as AddressInfo).port}` };
  const answer = await call(address, 'GET', '/metrics');
  expect([answer.status, answer.header('retry-after'), answer.header('content-type')]).toEqual([503, '5', problem]);
  expect(answer.body.toString()).not.toContain('no connection');
  await until(() => logged.length > 0);
  expect(logged).toEqual([expect.objectContaining({ requestId: answer.header('x-request-id'), status: 503, error })]);
  await new Promise((closed) => own.close(closed));
});
