import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { s3Settings } from '../support/blobs.ts';
import { call } from '../support/call.ts';
import { writeCertificate } from '../support/certificate.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { digestOf, startUpload } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';

describeWith([...s3Programs, 'openssl'], 'S3 over TLS', () => {
  let bucket: TestBucket;
  let folder: string;
  let proxy: FaultProxy;
  let berth: BerthProcess;

  beforeAll(async () => {
    [bucket, folder] = await Promise.all([createBucket(), mkdtemp(join(tmpdir(), 'berth-s3-tls-'))]);
    const { certificate, key } = await writeCertificate(folder, 's3');
    proxy = await startFaultProxy(bucket.endpoint, {
      cert: await readFile(certificate, 'utf8'),
      key: await readFile(key, 'utf8'),
    });
    const settings = { ...s3Settings(bucket), BERTH_STORAGE_BLOBS_S3_ENDPOINT: proxy.url };
    berth = await startBerthProcess({ ...settings, NODE_EXTRA_CA_CERTS: certificate });
  }, 180_000);
  afterAll(async () => {
    await berth.dispose();
    await proxy.close();
    await Promise.all([bucket.remove(), rm(folder, { recursive: true })]);
  }, 60_000);

  test('a layer can be pushed and pulled, and its parts are not hashed for their signatures', async () => {
    const bytes = randomBytes(20_000_000);
    const location = await startUpload(berth, 'app');
    expect((await call(berth, 'PATCH', location, { body: bytes })).status).toBe(202);
    expect((await call(berth, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' })).status).toBe(201);
    expect((await call(berth, 'GET', `/v2/app/blobs/${digestOf(bytes)}`)).body.equals(bytes)).toBe(true);
    const signatures = proxy.seen
      .filter(({ path }) => path.includes('partNumber'))
      .map(({ headers }) => headers['x-amz-content-sha256']);
    expect(signatures).toEqual(signatures.map(() => 'UNSIGNED-PAYLOAD'));
    expect(signatures).not.toHaveLength(0);
  });
});
