import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { digestOf, pushBlob, startUpload } from '../support/images.ts';
import { until } from '../support/until.ts';

let berth: BerthProcess;
beforeEach(async () => {
  berth = await startBerthProcess({ BERTH_SHUTDOWN_GRACE: '20s', BERTH_UPLOADS_EXPIRE_AFTER: '100ms' });
});
afterEach(() => berth.dispose());

/** A download that stops reading after the first bytes, until `goOn`. */
async function slowDownload(path: string): Promise<{ goOn(): Promise<Buffer> }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    request(`${berth.url}${path}`, resolve).on('error', reject).end(),
  );
  return {
    async goOn() {
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  };
}

describe('a server that gets SIGTERM', () => {
  test('lets a download and an upload end, takes no new connection, and exits with 0', async () => {
    const bytes = randomBytes(30 * 1024 * 1024);
    const digest = await pushBlob(berth, 'app', bytes);
    const download = await slowDownload(`/v2/app/blobs/${digest}`);
    const location = await startUpload(berth, 'app');
    const upload = connect(berth.port, '127.0.0.1');
    const answered = new Promise<string>((resolve) => upload.once('data', (data) => resolve(data.toString())));
    await new Promise((resolve) =>
      upload.write(`PATCH ${location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(1000)}`, resolve),
    );
    await until(async () => (await call(berth, 'GET', location)).status === 204);

    const gone = berth.kill('SIGTERM');
    await until(() => berth.log().includes('shutting down'));
    await until(() =>
      call(berth, 'GET', '/v2/').then(
        () => false,
        () => true,
      ),
    );
    upload.write('x'.repeat(1000));
    expect(await answered).toMatch(/^HTTP\/1.1 202 /);
    expect((await download.goOn()).equals(bytes)).toBe(true);
    upload.destroy();
    expect(await gone).toBe(0);
  });

  test('leaves an upload that can be resumed after the restart', async () => {
    const bytes = randomBytes(5 * 1024 * 1024);
    const location = await startUpload(berth, 'app');
    const half = bytes.length / 2;
    await call(berth, 'PATCH', location, { body: bytes.subarray(0, half) });
    expect(await berth.kill('SIGTERM')).toBe(0);
    await berth.start();
    expect((await call(berth, 'GET', location)).header('range')).toBe(`0-${half - 1}`);
    await call(berth, 'PATCH', location, {
      body: bytes.subarray(half),
      headers: { 'Content-Range': `${half}-${bytes.length - 1}` },
    });
    expect((await call(berth, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' })).status).toBe(201);
    expect((await call(berth, 'GET', `/v2/app/blobs/${digestOf(bytes)}`)).body.equals(bytes)).toBe(true);
  });
});

test('an upload continues after SIGKILL at the offset that GET returns', async () => {
  const bytes = randomBytes(20 * 1024 * 1024); // several parts of an S3 upload
  const location = await startUpload(berth, 'app');
  const socket = connect(berth.port, '127.0.0.1').on('error', () => undefined);
  socket.write(`PATCH ${location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes.length}\r\n\r\n`);
  socket.write(bytes.subarray(0, 19 * 1024 * 1024));
  await until(async () => (await call(berth, 'GET', location)).header('range') !== '0-0');
  await berth.kill('SIGKILL');
  await berth.start();
  const kept = Number((await call(berth, 'GET', location)).header('range').slice(2)) + 1;
  expect(kept).toBeGreaterThan(1);
  expect(
    (
      await call(berth, 'PATCH', location, {
        body: bytes.subarray(kept),
        headers: { 'Content-Range': `${kept}-${bytes.length - 1}` },
      })
    ).status,
  ).toBe(202);
  expect((await call(berth, 'PUT', `${location}?digest=${digestOf(bytes)}`, { body: '' })).status).toBe(201);
});

test('the start after SIGKILL in the middle of a single POST removes everything of its upload', async () => {
  const socket = connect(berth.port, '127.0.0.1').on('error', () => undefined);
  const digest = digestOf(randomBytes(8));
  socket.write(`POST /v2/app/blobs/uploads/?digest=${digest} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n`);
  socket.write(randomBytes(4_000_000));
  await until(async () => (await call(berth, 'GET', '/v2/')).status === 200);
  await berth.kill('SIGKILL');
  await berth.start();
  await until(async () => (await berth.litter('growing')).length === 0);
  expect((await call(berth, 'HEAD', `/v2/app/blobs/${digest}`)).status).toBe(404);
});
