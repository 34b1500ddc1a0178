import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../config/load.ts';
import { openBlobStore } from '../../src/assembly/blob-store.ts';
import { openMetadata } from '../../src/assembly/metadata-store.ts';
import type { BlobDriver } from '../../storage/blobs/driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import { MetadataError, type MetadataStore } from '../../storage/metadata/store.ts';
import { s3Settings } from '../support/blobs.ts';
import { type Answer, call } from '../support/call.ts';
import { digestOf, startUpload } from '../support/images.ts';
import { createDatabase, postgresPrograms } from '../support/postgres.ts';
import { postgresSettings } from '../support/metadata.ts';
import { type RegistryServer, serveRegistry } from '../support/registry-server.ts';
import { describeWith } from '../support/requires.ts';
import { createBucket, s3Programs } from '../support/s3-server.ts';

interface Backing {
  readonly settings: Readonly<Record<string, string>>;
  dispose(): Promise<void>;
}

/** A blob whose final PUT ends between the publication of its bytes and their record. */
function describeFinalPut(name: string, back: () => Promise<Backing>): void {
  describe(`the final PUT of an upload ends before its record (${name})`, () => {
    const blob = randomBytes(300_000);
    const digest = digestOf(blob);
    let directory: string;
    let backing: Backing;
    let driver: BlobDriver;
    let metadata: MetadataStore;
    let server: RegistryServer;
    let failures: number;

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'berth-final-put-'));
      backing = await back();
      const environment = { BERTH_STORAGE_BLOBS_DIRECTORY: directory, ...backing.settings };
      const config = loadConfig({ file: undefined, environment });
      driver = await openBlobStore(config.storage.blobs);
      metadata = await openMetadata(config);
      failures = 1;
      server = await serveRegistry(driver, {
        ...metadata,
        blobs: {
          ...metadata.blobs,
          commit: (...args) =>
            failures-- > 0 ? Promise.reject(new MetadataError('unavailable', 'made to fail')) : metadata.blobs.commit(...args),
        },
      });
    }, 180_000);
    afterEach(async () => {
      await server.close();
      await metadata.close();
      await driver.close();
      await backing.dispose();
      await rm(directory, { recursive: true });
    });

    /** Another process over the same stores: nothing that the first one remembers helps it. */
    async function crash(): Promise<void> {
      const crashed = server;
      server = await serveRegistry(driver, metadata);
      await crashed.close();
    }

    const put = (location: string, body: Uint8Array | string): Promise<Answer> =>
      call(server, 'PUT', `${location}?digest=${digest}`, { body });

    async function interrupted(lastChunk: Uint8Array): Promise<string> {
      const location = new URL(await startUpload(server, 'app'), server.url).pathname;
      const rest = blob.subarray(0, blob.length - lastChunk.length);
      if (rest.length > 0) expect((await call(server, 'PATCH', location, { body: rest })).status).toBe(202);
      const answer = await put(location, lastChunk);
      expect([answer.status, answer.codes()]).toEqual([503, ['UNAVAILABLE']]);
      expect((await driver.stat(blobKey(digest))).sizeBytes).toBe(blob.length);
      return location;
    }

    async function expectPushed(): Promise<void> {
      expect((await call(server, 'GET', `/v2/app/blobs/${digest}`)).body.equals(blob)).toBe(true);
      const partial: string[] = [];
      for await (const { key } of driver.listPartial()) partial.push(key);
      expect(partial).toEqual([]);
    }

    describe.each([
      ['by a failure', () => Promise.resolve()],
      ['by a crash', crash],
    ])('%s', (_how, end) => {
      test('the session still has every byte, and a PUT without a body ends it', async () => {
        const location = await interrupted(blob.subarray(200_000));
        await end();
        expect((await call(server, 'GET', location)).header('range')).toBe(`0-${blob.length - 1}`);
        expect((await put(location, '')).status).toBe(201);
        await expectPushed();
      });

      test.each([
        ['the last chunk', blob.subarray(200_000)],
        ['the whole blob', blob],
      ])('the same PUT with %s as its body is answered 201', async (_what, body) => {
        const location = await interrupted(body);
        await end();
        expect((await put(location, body)).status).toBe(201);
        await expectPushed();
      });

      test('bytes that are sent to the session nevertheless do not change the published blob', async () => {
        const location = await interrupted(blob);
        await end();
        expect((await call(server, 'PATCH', location, { body: 'more' })).status).toBe(202);
        expect((await put(location, '')).codes()).toEqual(['DIGEST_INVALID']);
        const object = await driver.read(blobKey(digest));
        const chunks: Buffer[] = [];
        for await (const chunk of object.stream()) chunks.push(Buffer.from(chunk));
        await object.close();
        expect(Buffer.concat(chunks).equals(blob)).toBe(true);
      });
    });
  });
}

const nothing = () => Promise.resolve();

describeFinalPut('a folder and SQLite', () => Promise.resolve({ settings: {}, dispose: nothing }));

describeWith([...s3Programs, ...postgresPrograms], 'with a bucket and PostgreSQL', () => {
  describeFinalPut('a bucket and PostgreSQL', async () => {
    const [bucket, { url, drop }] = await Promise.all([createBucket(), createDatabase()]);
    return {
      settings: { ...s3Settings(bucket), ...postgresSettings(url) },
      async dispose() {
        await Promise.all([bucket.remove(), drop()]);
      },
    };
  });
});
