import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { ClientGone } from '../../src/http/errors/client-gone.ts';
import { writeObject } from '../../src/http/transfer/send-object.ts';
import type { RequestRecord } from '../../src/http/server/request-record.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import type { OpenObject } from '../../storage/blobs/driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { digestOf } from '../support/images.ts';
import { serveRegistry } from '../support/registry-server.ts';
import { until } from '../support/until.ts';

/** More than the buffers between two sockets hold. */
const blob = Buffer.alloc(32 * 1024 * 1024, 'departing');

let directory: string;
/** What the test has opened, closed last one first. */
let closers: (() => Promise<unknown>)[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-departing-'));
  closers = [() => rm(directory, { recursive: true })];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

/** Resets the connection as soon as the first bytes have come, as containerd and a killed docker do. */
function leaveInTheMiddle(url: string): void {
  get(url, { agent: false }, (incoming) => {
    incoming.once('data', () => incoming.socket.resetAndDestroy());
    incoming.on('error', () => undefined);
  });
}

test('a client that leaves in the middle of a blob is no failure, and the log knows its address', async () => {
  const driver = await createFilesystemDriver({ directory });
  const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const records: RequestRecord[] = [];
  const server = await serveRegistry(driver, metadata, (record) => records.push(record));
  closers.push(driver.close, metadata.close, server.close);
  const uploads = `${server.url}/v2/app/blobs/uploads/?digest=${digestOf(blob)}`;
  expect((await fetch(uploads, { method: 'POST', body: blob })).status).toBe(201);

  leaveInTheMiddle(`${server.url}/v2/app/blobs/${digestOf(blob)}`);
  const record = () => records.find(({ method }) => method === 'GET');
  await until(() => record() !== undefined);
  expect(record()).toMatchObject({ status: 200, complete: false, client: '127.0.0.1' });
  expect(record()).not.toHaveProperty('error');
});

test('an object that can not be written to its client says that the client is gone', async () => {
  const endless: OpenObject = {
    sizeBytes: blob.length,
    range: { first: 0, last: Number.MAX_SAFE_INTEGER - 1 },
    async *stream() {
      for (;;) yield await Promise.resolve(blob.subarray(0, 65_536));
    },
    close: () => Promise.resolve(),
  };
  let failure: unknown;
  const server = createServer((_request, response) => {
    writeObject(response, endless, Number.MAX_SAFE_INTEGER).catch((error: unknown) => (failure = error));
  });
  closers.push(() => new Promise<void>((closed) => void server.close(() => closed())));
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  leaveInTheMiddle(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await until(() => failure !== undefined);
  expect(failure).toBeInstanceOf(ClientGone);
});
