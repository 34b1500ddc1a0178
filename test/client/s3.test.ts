import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { s3Settings } from '../support/blobs.ts';
import { call } from '../support/call.ts';
import { type Dockerd, startDockerd } from '../support/dockerd.ts';
import { digestOf, pushBlob } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';
import { type TestBucket, createBucket, s3Programs } from '../support/s3-server.ts';
import { tar } from '../support/tar.ts';
import { until } from '../support/until.ts';

describeWith([...s3Programs, 'docker', 'dockerd'], 'clients that fetch blobs from the bucket itself', () => {
  let bucket: TestBucket;
  let berth: BerthProcess;
  let daemon: Dockerd;

  beforeAll(async () => {
    [bucket, daemon] = await Promise.all([createBucket(), startDockerd()]);
    berth = await startBerthProcess({ ...s3Settings(bucket), BERTH_STORAGE_BLOBS_S3_REDIRECT: 'true' });
  }, 180_000);
  afterAll(async () => {
    await Promise.all([berth.dispose(), daemon.close()]);
    await bucket.remove();
  }, 60_000);

  test('end-2 GET redirects to a URL of the bucket that serves ranges, HEAD does not redirect', async () => {
    const bytes = randomBytes(100_000);
    const path = `/v2/app/blobs/${await pushBlob(berth, 'app', bytes)}`;
    const answer = await call(berth, 'GET', path);
    expect([answer.status, answer.header('docker-content-digest'), answer.header('cache-control')]).toEqual([
      307,
      digestOf(bytes),
      'no-store',
    ]);
    expect(answer.header('location')).toContain(bucket.endpoint);
    const part = await fetch(answer.header('location'), { headers: { range: 'bytes=99990-' } });
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, bytes.subarray(99_990)]);
    expect((await call(berth, 'HEAD', path)).header('content-length')).toBe('100000');
    expect((await call(berth, 'GET', `/v2/other/blobs/${digestOf(bytes)}`)).status).toBe(404);
  });

  test('a client that would send its Authorization to the bucket gets the blob from berth', async () => {
    const bytes = randomBytes(1000);
    const path = `/v2/app/blobs/${await pushBlob(berth, 'app', bytes)}`;
    const headers = { Authorization: 'Basic YTpi', Host: `${new URL(bucket.endpoint).hostname}:5000` };
    const answer = await call(berth, 'GET', path, { headers });
    expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true]);
    expect((await call(berth, 'GET', path, { headers: { ...headers, Host: 'registry.localhost' } })).status).toBe(307);
  });

  test('docker pushes an image, and pulls its layers from the bucket', async () => {
    const name = `${berth.host}/hello:1`;
    await daemon.dockerWith(tar({ hello: 'hello\n', large: randomBytes(20_000_000) }), 'import', '-', name);
    const digestIn = (output: string) => /sha256:[0-9a-f]{64}/.exec(output)?.[0];
    const pushed = digestIn(await daemon.docker('push', name));
    await daemon.docker('rmi', name);
    expect(digestIn(await daemon.docker('pull', name))).toBe(pushed);
    await until(() => berth.log().includes('"status":307'));
  }, 120_000);
});
