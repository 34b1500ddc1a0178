import { GetObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { type BlobDriver, type ObjectKey, StorageError, objectKey } from '../driver.ts';
import { beginAppender, resumeAppender } from './appender.ts';
import { type S3Options, openBucket } from './bucket.ts';
import { copyObject } from './copying.ts';
import { unlessMissing } from '../missing.ts';
import { hiddenFolder, listPartial, removePartial } from './partial.ts';
import { listKeys } from './listing.ts';
import { openObject } from './reading.ts';
import { removeObjects } from './removing.ts';
import { createSmallPut } from './small-put.ts';
import { objectSize, putObject, putObjectIfAbsent } from './writing.ts';

/**
 * Creates the driver that stores objects in a bucket of Amazon S3 or of a compatible server. The key in the bucket is the prefix
 * and the key of the object. The driver keeps no state: any number of processes can share a bucket.
 */
export function createS3Driver(options: S3Options): BlobDriver {
  const bucket = openBucket(options);
  const { presignedReads = true, conditionalPut = true } = options;
  const putSmall = createSmallPut(bucket, options.watchRequest);

  async function putIfAbsent(key: ObjectKey, bytes: Uint8Array): Promise<void> {
    if (conditionalPut) return putObjectIfAbsent(bucket, key, bytes);
    const isThere = (await unlessMissing(objectSize(bucket, key))) !== undefined;
    if (isThere) throw new StorageError('already_exists', 'put: the object exists');
    await putObject(bucket, key, bytes);
  }

  return {
    name: 's3',
    capabilities: { atomicIfAbsent: conditionalPut, presignedReads, remote: true },

    stat: (key) =>
      bucket.request('stat', 0, async (request) => {
        const { ContentLength, LastModified } = await bucket.s3.headObject(bucket.place(key), request);
        return { sizeBytes: ContentLength ?? 0, modifiedAt: LastModified ?? new Date() };
      }),

    read: (key, range) => openObject(bucket, key, range),

    put: (key, bytes, options) => (options?.ifAbsent ? putIfAbsent(key, bytes) : putSmall(key, bytes)),

    async openAppender(key, { resume, assertHeld }) {
      const begin = () => beginAppender(bucket, key, assertHeld);
      if (resume === false) return begin();
      const resumed = resumeAppender(bucket, key, assertHeld);
      return resume === true ? resumed : ((await unlessMissing(resumed)) ?? begin());
    },
    inProgressBytes: async (key) => (await resumeAppender(bucket, key)).sizeBytes,

    async move(from, to) {
      const sizeBytes = await objectSize(bucket, from);
      if (from === to) return;
      await copyObject(bucket, from, to, sizeBytes);
      const [failure] = (await removeObjects(bucket, [from])).values();
      if (failure) throw failure;
    },

    async delete(keys) {
      if (keys.length === 0) return new Map();
      await removePartial(bucket, keys);
      return (await removeObjects(bucket, keys)) as Map<ObjectKey, StorageError>;
    },

    async deleteObjects(keys, assertHeld) {
      return (await removeObjects(bucket, keys, assertHeld)) as Map<ObjectKey, StorageError>;
    },

    async *list(prefix, { startAfter = '' } = {}) {
      for await (const { key } of listKeys(bucket, prefix, startAfter)) {
        if (!key.startsWith(hiddenFolder)) yield objectKey(key);
      }
    },

    async *listEntries(prefix, { startAfter = '' } = {}) {
      for await (const { key, ...entry } of listKeys(bucket, prefix, startAfter)) {
        if (!key.startsWith(hiddenFolder)) yield { path: key, kind: 'object', ...entry };
      }
    },

    listPartial: () => listPartial(bucket),

    presignRead(key, seconds) {
      if (!presignedReads) return Promise.resolve(undefined);
      const read = new GetObjectCommand(bucket.place(key));
      return bucket.request('presign', 0, () => getSignedUrl(bucket.presigner, read, { expiresIn: seconds }));
    },

    keepsVersions: () =>
      bucket
        .request('versioning', 0, (request) => bucket.s3.getBucketVersioning({ Bucket: bucket.name }, request))
        // A bucket that has stopped keeping versions still has those from before. Not every login may ask, and not every server
        // knows the request.
        .then(({ Status }) => Status === 'Enabled' || Status === 'Suspended', ignoreRefusal),

    async check() {
      await bucket.request('check', 0, (request) => bucket.s3.headBucket({ Bucket: bucket.name }, request)).catch(asUnavailable);
    },

    close() {
      bucket.close();
      return Promise.resolve();
    },
  };
}

function ignoreRefusal(): undefined {
  return undefined;
}

function asUnavailable(error: unknown): never {
  const { code, message } = error as StorageError;
  throw code === 'closed' ? error : new StorageError('unavailable', message, { cause: error });
}
