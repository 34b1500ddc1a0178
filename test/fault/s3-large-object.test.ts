import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { createS3Driver } from '../../storage/blobs/s3/s3-driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { call } from '../support/call.ts';
import { digestOf, startUpload } from '../support/images.ts';
import { type RegistryServer, serveRegistry } from '../support/registry-server.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';
import { until } from '../support/until.ts';

/** In place of 5 TiB: two parts and a tail. */
const largestObjectBytes = 20_000_000;

describeWith(s3Programs, 'a layer that is larger than an object in S3 may be', () => {
  let bucket: TestBucket;
  let directory: string;
  let driver: BlobDriver;
  let metadata: MetadataStore;
  let server: RegistryServer;

  beforeEach(async () => {
    [bucket, directory] = await Promise.all([createBucket(), mkdtemp(join(tmpdir(), 'berth-large-'))]);
    driver = createS3Driver({ ...bucket, bucket: bucket.name, forcePathStyle: true, largestObjectBytes });
    metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
    server = await serveRegistry(driver, metadata);
  }, 180_000);
  afterEach(async () => {
    await server.close();
    await Promise.all([driver.close(), metadata.close()]);
    await Promise.all([bucket.remove(), rm(directory, { recursive: true })]);
  });

  const tooLarge = /^HTTP\/1\.1 413 [^]*"SIZE_INVALID","message":"the blob is larger than the store can hold"/;

  /** What is answered to a body that need not be sent to its end. */
  async function send(method: string, path: string, body: Buffer): Promise<string> {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => undefined);
    let received = '';
    socket.on('data', (data) => (received += data.toString('latin1')));
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`);
    socket.write(body);
    await until(() => socket.destroyed || /\r\n\r\n[^]*}/.test(received));
    socket.destroy();
    return received;
  }

  test('is refused at the first byte above the limit, and a layer below the limit is stored', async () => {
    const bytes = randomBytes(largestObjectBytes + 1);
    const location = await startUpload(server, 'app');
    expect(await send('PATCH', location, bytes)).toMatch(tooLarge);
    const kept = Number(/-(\d+)$/.exec((await call(server, 'GET', location)).header('range'))?.[1]) + 1;
    expect(kept).toBeLessThanOrEqual(largestObjectBytes);
    const whole = bytes.subarray(0, largestObjectBytes);
    expect((await call(server, 'PATCH', location, { body: whole.subarray(kept) })).status).toBe(202);
    expect((await call(server, 'PUT', `${location}?digest=${digestOf(whole)}`, { body: '' })).status).toBe(201);
    expect((await call(server, 'GET', `/v2/app/blobs/${digestOf(whole)}`)).status).toBe(307);
  }, 60_000);

  test('is refused in small chunks and in one request, which leaves nothing', async () => {
    const bytes = randomBytes(largestObjectBytes + 1);
    const location = await startUpload(server, 'app');
    expect((await call(server, 'PATCH', location, { body: bytes.subarray(0, largestObjectBytes) })).status).toBe(202);
    expect(await send('PUT', `${location}?digest=${digestOf(bytes)}`, bytes.subarray(largestObjectBytes))).toMatch(tooLarge);
    expect((await call(server, 'DELETE', location)).status).toBe(204);
    expect(await send('POST', `/v2/app/blobs/uploads/?digest=${digestOf(bytes)}`, bytes)).toMatch(tooLarge);
    for await (const { key } of driver.listPartial()) expect(key).toBeUndefined();
  }, 60_000);
});
