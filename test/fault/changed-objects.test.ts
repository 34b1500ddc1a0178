import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { RequestRecord } from '../../src/http/server/request-record.ts';
import type { BlobDriver, OpenObject } from '../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { call } from '../support/call.ts';
import { digestOf, pushBlob } from '../support/images.ts';
import { type RegistryServer, serveRegistry } from '../support/registry-server.ts';
import { until } from '../support/until.ts';

let directory: string;
let driver: BlobDriver;
let metadata: MetadataStore;
let server: RegistryServer;
let records: RequestRecord[];
/** What happens to an object between its opening and its sending. */
let change: (object: OpenObject, path: string) => OpenObject | Promise<OpenObject>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-changed-'));
  driver = await createFilesystemDriver({ directory });
  metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  change = (object) => object;
  records = [];
  const changing: BlobDriver = {
    ...driver,
    read: async (key, range) => change(await driver.read(key, range), join(directory, key)),
  };
  server = await serveRegistry(changing, metadata, (record) => void records.push(record));
});
afterEach(async () => {
  await server.close();
  await metadata.close();
  await driver.close();
  await rm(directory, { recursive: true });
});

async function cutTo(object: OpenObject, path: string): Promise<OpenObject> {
  await truncate(path, 100_000);
  return object;
}

/** An object that is not a file, and gives other bytes than it has opened. */
const giving =
  (length: number) =>
  (object: OpenObject): OpenObject => ({
    sizeBytes: object.sizeBytes,
    range: object.range,
    async *stream() {
      yield await Promise.resolve(Buffer.alloc(length));
    },
    close: () => object.close(),
  });

const otherRange = (object: OpenObject): OpenObject => ({
  ...object,
  range: { first: object.range.first, last: object.range.last - 1 },
});

test.each<[string, Record<string, string>, typeof change]>([
  ['its file is cut', {}, cutTo],
  ['its file is cut behind the beginning of a small range', { Range: 'bytes=99990-100009' }, cutTo],
  ['its file is cut between several ranges', { Range: 'bytes=0-9,199990-199999' }, cutTo],
  ['the store gives fewer bytes', {}, giving(199_999)],
  ['the store gives more bytes', {}, giving(200_001)],
  ['the store opens another range', { Range: 'bytes=10-19' }, otherRange],
])('when a blob changes while it is sent the connection is cut: %s', async (_what, headers, how) => {
  const bytes = randomBytes(200_000);
  await pushBlob(server, 'app', bytes);
  const path = `/v2/app/blobs/${digestOf(bytes)}`;
  change = how;
  await expect(call(server, 'GET', path, { headers })).rejects.toThrow();
  await until(() => records.some(({ method }) => method === 'GET'));
  expect(records.find(({ method }) => method === 'GET')?.complete).toBe(false);
});
