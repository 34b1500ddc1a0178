import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type Answer, call } from '../support/call.ts';
import { type FaultyDriver, createFaultyDriver } from '../support/faulty-driver.ts';
import { type TestImage, digestOf, newImage } from '../support/images.ts';
import { type RegistryServer, serveRegistry } from '../support/registry-server.ts';
import { until } from '../support/until.ts';

let directory: string;
let faulty: FaultyDriver;
let metadata: MetadataStore;
let server: RegistryServer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-faulty-'));
  faulty = createFaultyDriver(await createFilesystemDriver({ directory }));
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  server = await serveRegistry(faulty.driver, metadata);
});
afterEach(async () => {
  await server.close();
  await metadata.close();
  await faulty.driver.close();
  await rm(directory, { recursive: true });
});

const ask = (method: string, path: string, body?: Uint8Array | string) =>
  call(server, method, path, {
    ...(body === undefined ? {} : { body }),
    headers: { 'Content-Length': Buffer.byteLength(body ?? '') },
  });

/** The requests of a push, in order; stops at the first that does not succeed and returns its answer. */
async function push(image: TestImage): Promise<Answer> {
  const monolithic = await ask('POST', `/v2/app/blobs/uploads/?digest=${digestOf(image.config)}`, image.config);
  if (monolithic.status !== 201) return monolithic;
  const started = await ask('POST', '/v2/app/blobs/uploads/');
  if (started.status !== 202) return started;
  const location = started.header('location');
  const patched = await ask('PATCH', location, image.layer);
  if (patched.status !== 202) return patched;
  const finished = await ask('PUT', `${location}?digest=${digestOf(image.layer)}`);
  if (finished.status !== 201) return finished;
  return ask('PUT', '/v2/app/manifests/latest', image.manifest);
}

/** Whether the image can be pulled, every byte of it. */
async function isWhole(image: TestImage): Promise<boolean> {
  const manifest = await ask('GET', '/v2/app/manifests/latest');
  const layer = await ask('GET', `/v2/app/blobs/${digestOf(image.layer)}`);
  const config = await ask('GET', `/v2/app/blobs/${digestOf(image.config)}`);
  return manifest.body.toString() === image.manifest && layer.body.equals(image.layer) && config.body.toString() === image.config;
}

test.each([
  ['unavailable', 503, 'UNAVAILABLE'],
  ['no_space', 507, 'INSUFFICIENT_STORAGE'],
] as const)(
  'a push of which any call fails with %s is answered with %d, loses nothing acknowledged, and succeeds when repeated',
  async (code, status, name) => {
    for (let nth = 1, happened = true; happened; nth++) {
      const image = newImage();
      faulty.arm({ call: nth, kind: 'fail', code });
      const answer = await push(image);
      happened = faulty.disarm();
      if (!happened) expect(nth).toBeGreaterThan(6);
      if (answer.status !== 201) {
        expect([answer.status, answer.codes()]).toEqual([status, [name]]);
        if (code === 'unavailable') expect(answer.header('retry-after')).toBe('5');
        expect((await push(image)).status).toBe(201);
      }
      expect(await isWhole(image)).toBe(true);
    }
  },
);

test('a pull of which any call fails ends with 503 or a cut connection, never with 404 or other bytes', async () => {
  const image = newImage();
  await push(image);
  const path = `/v2/app/blobs/${digestOf(image.layer)}`;
  for (let nth = 1, happened = true; happened; nth++) {
    faulty.arm({ call: nth, kind: 'fail' });
    const answer = await ask('GET', path).catch((error: unknown) => error as NodeJS.ErrnoException);
    happened = faulty.disarm();
    if ('status' in answer && happened) expect([answer.status, answer.codes()]).toEqual([503, ['UNAVAILABLE']]);
    else if ('status' in answer) expect(answer.body.equals(image.layer)).toBe(true);
    else expect(answer.code).toMatch(/ECONNRESET|HPE/);
  }
});

test('a stalled call of the store delays no other request, and its push continues afterwards', async () => {
  const other = newImage();
  await push(other);
  for (const nth of [1, 2, 3]) {
    const blob = randomBytes(100_000);
    faulty.arm({ call: nth, kind: 'stall' });
    const stalled = ask('POST', `/v2/app/blobs/uploads/?digest=${digestOf(blob)}`, blob);
    await until(faulty.happened);
    expect(await isWhole(other)).toBe(true);
    faulty.release();
    expect((await stalled).status).toBe(201);
  }
});
