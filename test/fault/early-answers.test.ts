import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type GuardedBerth, startGuarded } from '../support/access.ts';
import { writeCertificate } from '../support/certificate.ts';
import { type FaultyDriver, createFaultyDriver } from '../support/faulty-driver.ts';
import { digestOf, startUpload } from '../support/images.ts';
import { type RegistryServer, serveRegistry } from '../support/registry-server.ts';

let directory: string;
let guarded: GuardedBerth;
let faulty: FaultyDriver;
let metadata: MetadataStore;
let open: RegistryServer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-early-'));
  const { certificate, key } = await writeCertificate(directory, 'localhost');
  guarded = await startGuarded({ BERTH_TLS_CERTIFICATE: certificate, BERTH_TLS_KEY: key });
  faulty = createFaultyDriver(await createFilesystemDriver({ directory }));
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  open = await serveRegistry(faulty.driver, metadata, undefined, { milliseconds: 60_000, bytes: 64 * 1024 * 1024 });
});
afterAll(async () => {
  await open.close();
  await metadata.close();
  await faulty.driver.close();
  await guarded.close();
  await rm(directory, { recursive: true });
});

/** More than both sockets' buffers hold. */
const body = Buffer.alloc(32 * 1024 * 1024, 'x');

/** Sends the whole request before it reads a byte of the answer: the client to which a reset connection costs it. */
function sendThenRead({ url }: { readonly url: string }, method: string, path: string, length = body.length): Promise<string> {
  const { hostname, port, protocol } = new URL(url);
  const socket =
    protocol === 'https:'
      ? connectTls({ host: hostname, port: Number(port), rejectUnauthorized: false })
      : connect(Number(port), hostname);
  let received = '';
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => resolve(received));
  });
  socket.pause();
  socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => {
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`);
    for (let sent = body.length; sent < length; sent += body.length) socket.write(body);
    socket.write(body, () => readAll(socket));
  });
  return answer;

  function readAll(from: typeof socket | TLSSocket): void {
    from.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    from.resume();
  }
}

test('a 413 reaches a client that sends everything before it reads', async () => {
  expect(await sendThenRead(open, 'PUT', '/v2/app/manifests/1')).toMatch(/^HTTP\/1\.1 413 [^]*MANIFEST_INVALID/);
});

test('a 507 in the middle of a chunk reaches the client, with the words that docker shows', async () => {
  const location = await startUpload(open, 'app');
  faulty.arm({ call: 1, kind: 'fail', code: 'no_space' });
  const answer = await sendThenRead(open, 'PATCH', location);
  expect(faulty.disarm()).toBe(true);
  expect(answer).toMatch(/^HTTP\/1\.1 507 no space left on device\r\n[^]*INSUFFICIENT_STORAGE/);
});

test('a 401 over TLS reaches a client that sends everything before it reads', async () => {
  const path = `/v2/app/blobs/uploads/?digest=${digestOf(body)}`;
  expect(await sendThenRead(guarded, 'POST', path)).toMatch(/^HTTP\/1\.1 401 [^]*UNAUTHORIZED/);
});

test('a 401 of the API reaches a client that sends everything before it reads', async () => {
  expect(await sendThenRead(guarded, 'POST', '/api/v1/users')).toMatch(/^HTTP\/1\.1 4(?:01|13) /);
});

test('a client that goes on for ever after its answer is cut off', async () => {
  const endless = sendThenRead(open, 'PUT', '/v2/app/manifests/1', 8 * body.length);
  await expect(endless).rejects.toThrow(/ECONNRESET|EPIPE/);
});
