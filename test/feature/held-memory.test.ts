import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openAccess } from '../../src/http/auth/access-control.ts';
import { createRemoteListings } from '../../src/mirror/remote/remote-listings.ts';
import type { MirroredRepository } from '../../src/mirror/names/routing.ts';
import { freeStartMemory } from '../../src/platform/start-garbage.ts';
import { createManifests } from '../../src/registry/manifests.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { call } from '../support/call.ts';
import { pushImage } from '../support/images.ts';
import { type RegistryServer, serveRegistry } from '../support/registry-server.ts';

let directory: string;
let driver: BlobDriver;
let metadata: MetadataStore;
let server: RegistryServer;
/** Names that were asked for; as caches of rights do, they hold on to them. */
const names: string[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-memory-'));
  driver = await createFilesystemDriver({ directory });
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  names.length = 0;
  server = await serveRegistry(driver, metadata, undefined, undefined, {
    ...openAccess,
    check(request, need) {
      names.push(need.repository);
      return openAccess.check(request, need);
    },
  });
});
afterEach(async () => {
  await server.close();
  await metadata.close();
  await driver.close();
  await rm(directory, { recursive: true });
});

test('a cached manifest keeps only its own bytes in memory', async () => {
  const { digest, manifest } = await pushImage(server, 'app', '1');
  const { bytes } = createManifests({ driver, metadata, now: Date.now, acceptMissing: false });
  const first = await bytes(digest, manifest.length);
  expect([first.toString(), first.buffer.byteLength]).toEqual([manifest, manifest.length]);
  expect(await bytes(digest, manifest.length)).toBe(first);
});

test('a cached name does not keep the rest of its URL in memory', async () => {
  const padding = 'x'.repeat(12_000);
  const before = heapAfterCollection();
  for (let index = 0; index < 1000; index++) {
    await call(server, 'GET', `/v2/some/repository/with/a/long/name/${index}/manifests/latest?x=${index}${padding}`);
  }
  expect(names).toHaveLength(1000);
  expect(heapAfterCollection() - before).toBeLessThan(6_000_000);
});

test('cached listings of an upstream count with the size of their names', async () => {
  let asked = 0;
  const request = () => {
    asked++;
    const response = Object.assign(Readable.from([Buffer.from('{"tags":[]}')]), { headers: {}, statusCode: 200 });
    return Promise.resolve(response);
  };
  const listings = createRemoteListings({
    clientOf: () => ({ request }) as never,
    now: () => 0,
    freshnessSeconds: 60,
    onReceived: () => undefined,
  });
  const source = { repository: 'ghcr.io/o/i', remoteName: 'o/i' } as MirroredRepository;
  const list = (last: number) => listings.tags(source, new URLSearchParams({ last: String(last).padStart(12_000, '0') }));
  for (let last = 1; last <= 6000; last++) await list(last);
  await list(6000);
  expect(asked).toBe(6000);
  await list(1);
  expect(asked).toBe(6001);
});

test('the garbage of a start is collected whole', async () => {
  expect((await readFile('bin/node-flags', 'utf8')).split(' ')).toContain('--expose-gc');
  const collected = await new Promise((resolve) => freeStartMemory(resolve, 0));
  expect(collected).toEqual({ type: 'major', flavor: 'last-resort' });
});

function heapAfterCollection(): number {
  setFlagsFromString('--expose_gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
