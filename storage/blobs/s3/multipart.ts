import type { ListPartsCommandOutput, StorageClass } from '@aws-sdk/client-s3';
import type { ByteRange } from '../driver.ts';
import type { Bucket } from './bucket.ts';
import { unlessMissing } from '../missing.ts';
import { smallestPartBytes } from './part-sizes.ts';

/** One multipart upload. Parts have numbers from 1; a part with the number of an earlier one replaces it. */
export interface MultipartUpload {
  readonly id: string;
  readonly partCount: number;
  /** Sum of all parts. */
  readonly sizeBytes: number;
  /** True if the last part is below the smallest size: no further part can follow. */
  readonly endsShort: boolean;
  put(number: number, bytes: Uint8Array): Promise<void>;
  /** Copies a range of another object into a part, within the store. */
  copy(number: number, source: string, range: ByteRange): Promise<void>;
  /** Makes the parts the object, complete and durable. Succeeds if an earlier try succeeded without a response. */
  complete(): Promise<void>;
  abort(): Promise<void>;
}

interface Part {
  readonly etag: string;
  readonly sizeBytes: number;
}

/** Counts as this many bytes for the timeout: servers need time to join many parts. */
const completionBytes = 64 * 1024 ** 2;

/** Begins a multipart upload. `storageClass`: of the object; default: the server's. */
export async function beginMultipart(
  bucket: Bucket,
  key: string,
  storageClass: { readonly StorageClass?: StorageClass } = {},
): Promise<MultipartUpload> {
  const { UploadId = '' } = await bucket.request('begin upload', 0, (options) =>
    bucket.s3.createMultipartUpload({ ...bucket.place(key), ...bucket.encryption, ...storageClass }, options),
  );
  return uploadOf(bucket, key, UploadId, new Map());
}

/** Returns the upload with the parts that the server has; undefined if the upload has ended. */
export async function resumeMultipart(bucket: Bucket, key: string, id: string): Promise<MultipartUpload | undefined> {
  const parts = await unlessMissing(listParts(bucket, key, id));
  return parts && uploadOf(bucket, key, id, parts);
}

async function listParts(bucket: Bucket, key: string, UploadId: string): Promise<Map<number, Part>> {
  const parts = new Map<number, Part>();
  for (let marker: string | undefined = '0'; marker !== undefined;) {
    const place = { ...bucket.place(key), UploadId, PartNumberMarker: marker };
    const page: ListPartsCommandOutput = await bucket.request('list parts', 0, (options) => bucket.s3.listParts(place, options));
    for (const { PartNumber = 0, ETag = '', Size = 0 } of page.Parts ?? [])
      parts.set(PartNumber, { etag: ETag, sizeBytes: Size });
    marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
  }
  return parts;
}

export async function abortMultipart(bucket: Bucket, key: string, UploadId: string): Promise<void> {
  const place = { ...bucket.place(key), UploadId };
  await unlessMissing(bucket.request('abort upload', 0, (options) => bucket.s3.abortMultipartUpload(place, options)));
}

function uploadOf(bucket: Bucket, key: string, id: string, parts: Map<number, Part>): MultipartUpload {
  const { s3 } = bucket;
  const place = { ...bucket.place(key), UploadId: id };
  const sizeBytes = () => [...parts.values()].reduce((sum, part) => sum + part.sizeBytes, 0);

  async function complete(): Promise<void> {
    const sorted = [...parts].sort(([one], [other]) => one - other);
    const Parts = sorted.map(([PartNumber, { etag }]) => ({ PartNumber, ETag: etag }));
    await bucket.request('complete upload', completionBytes, (options) =>
      s3.completeMultipartUpload({ ...place, MultipartUpload: { Parts } }, options),
    );
  }

  async function isComplete(): Promise<boolean> {
    const stat = bucket.request('complete upload', 0, (options) => s3.headObject(bucket.place(key), options));
    return (await unlessMissing(stat))?.ContentLength === sizeBytes();
  }

  return {
    id,
    get partCount() {
      return parts.size;
    },
    get sizeBytes() {
      return sizeBytes();
    },
    get endsShort() {
      const last = parts.get(parts.size);
      return last !== undefined && last.sizeBytes < smallestPartBytes;
    },
    async put(number, bytes) {
      const { ETag = '' } = await bucket.request('append', bytes.length, (options) =>
        s3.uploadPart({ ...place, PartNumber: number, Body: bytes }, options),
      );
      parts.set(number, { etag: ETag, sizeBytes: bytes.length });
    },
    async copy(number, source, { first, last }) {
      const from = { ...bucket.source(source), CopySourceRange: `bytes=${first}-${last}` };
      const { CopyPartResult } = await bucket.request('copy', last - first, (options) =>
        s3.uploadPartCopy({ ...place, ...from, PartNumber: number }, options),
      );
      parts.set(number, { etag: CopyPartResult?.ETag ?? '', sizeBytes: last - first + 1 });
    },
    async complete() {
      try {
        await complete();
      } catch (error) {
        if (!(await isComplete())) throw error;
      }
    },
    abort: () => abortMultipart(bucket, key, id),
  };
}
