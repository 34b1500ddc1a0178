import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pace } from '../../src/maintenance/verify/check-content.ts';
import { type Verifier, createVerifier } from '../../src/maintenance/verify/verifier.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { type BlobDriver, StorageError } from '../../storage/blobs/driver.ts';
import { createFilesystemDriver } from '../../storage/blobs/filesystem/filesystem-driver.ts';
import { blobKey } from '../../storage/blobs/layout.ts';
import { readAll } from '../../storage/blobs/missing.ts';
import type { ContentToCheck } from '../../storage/metadata/queries/verification/checks.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type RegistryServer, serveRegistry } from './registry-server.ts';

/** What happens to bytes in a store, by its name. */
export const damages: Readonly<Record<string, (bytes: Buffer) => Buffer | undefined>> = {
  'flipped bit': (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])]),
  'short file': (bytes) => bytes.subarray(0, bytes.length - 1),
  'missing file': () => undefined,
};

export async function damage(driver: BlobDriver, digest: Digest, change: (bytes: Buffer) => Buffer | undefined): Promise<void> {
  const object = await driver.read(blobKey(digest));
  const bytes = change(await readAll(object).finally(() => object.close()));
  if (bytes) await driver.put(blobKey(digest), bytes);
  else await driver.delete([blobKey(digest)]);
}

/** A registry in this process over stores of its own, with a clock that only the test moves. */
export interface VerifiedRegistry {
  readonly driver: BlobDriver;
  readonly metadata: MetadataStore;
  readonly server: RegistryServer;
  readonly clock: { time: number };
  /** Verifies with a driver in front of the store. `onPause`: runs between the two reads. */
  verifier(driver?: BlobDriver, onPause?: () => Promise<void>): Verifier;
  contents(): Promise<readonly ContentToCheck[]>;
  close(): Promise<void>;
}

/** As fast as possible, without an end. */
export const atOnce: Pace = { spend: () => Promise.resolve(), signal: new AbortController().signal };

/** `openDriver`: default: files in a folder of its own. */
export async function openVerifiedRegistry(openDriver?: () => Promise<BlobDriver>): Promise<VerifiedRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-verify-'));
  const driver = await (openDriver ? openDriver() : createFilesystemDriver({ directory }));
  const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const server = await serveRegistry(driver, metadata);
  const clock = { time: Date.now() };
  return {
    driver,
    metadata,
    server,
    clock,
    verifier: (used = driver, onPause = () => Promise.resolve()) =>
      createVerifier({ driver: used, metadata, now: () => clock.time, pause: onPause }),
    contents: () => metadata.contentChecks.list('', 1000),
    async close() {
      await server.close();
      await metadata.close();
      await driver.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** Returns the driver with a `read` that first calls `before`: what it throws is the result, and `change` changes the bytes. */
export function readingDriver(
  inner: BlobDriver,
  before: (key: string) => Promise<((bytes: Buffer) => Buffer) | undefined>,
): BlobDriver {
  return {
    ...inner,
    async read(key, range) {
      const change = await before(key);
      const object = await inner.read(key, range);
      if (!change) return object;
      return {
        ...object,
        async *stream() {
          yield change(await readAll(object));
        },
      };
    },
  };
}

/** The errors of a disk that fails and of a server that does not answer. */
export const storeFailures = {
  EIO: new StorageError('unavailable', 'read: EIO: i/o error'),
  timeout: new StorageError('unavailable', 'read: the server did not answer in time'),
  EACCES: new StorageError('denied', 'read: EACCES: permission denied'),
} as const;
