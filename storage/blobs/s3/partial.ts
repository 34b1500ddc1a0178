import type { ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';
import { type Digest, parseDigest } from '../../../src/oci/digest.ts';
import { type ObjectKey, objectKey } from '../driver.ts';
import type { Bucket } from './bucket.ts';
import { abortMultipart } from './multipart.ts';
import { removeObjects } from './removing.ts';
import { listKeys } from './listing.ts';

/**
 * Where growing objects lie. Parts are at least 5 MiB, chunks are not: what does not fill a part lies beside.
 *
 *   .berth/growing/
 *   ├── data/<key>    a multipart upload, and the object that it becomes
 *   └── tail/<key>    the record: what is behind the last part, with the upload's id
 */
export const hiddenFolder = '.berth/';
const growingFolder = `${hiddenFolder}growing/`;

export const dataKey = (key: string): string => `${growingFolder}data/${key}`;
const recordKey = (key: string): string => `${growingFolder}tail/${key}`;

/** All that is known of a growing object beside what the server knows of the multipart upload. */
export interface GrowingRecord {
  readonly uploadId: string | undefined;
  /** Bytes of the object at `dataKey` that count: those of an earlier upload, completed to be read. */
  readonly completedBytes: number;
  /** How many bytes come before the tail. When there are more by now, the tail has become part of them. */
  readonly bytesBeforeTail: number;
  readonly tail: Uint8Array;
  /** Of everything, tail included. */
  readonly digest: Digest | undefined;
}

/** Rejects `not_found`. */
export async function loadRecord(bucket: Bucket, key: ObjectKey): Promise<GrowingRecord> {
  return bucket.request('open', 0, async (options) => {
    const { Metadata = {}, Body } = await bucket.s3.getObject(bucket.place(recordKey(key)), options);
    return {
      uploadId: Metadata['upload'],
      completedBytes: Number(Metadata['completed'] ?? 0),
      bytesBeforeTail: Number(Metadata['before'] ?? 0),
      tail: (await Body?.transformToByteArray()) ?? new Uint8Array(),
      digest: parseDigest(Metadata['digest'] ?? ''),
    };
  });
}

export async function saveRecord(bucket: Bucket, key: ObjectKey, record: GrowingRecord): Promise<void> {
  const { uploadId, completedBytes, bytesBeforeTail, tail, digest } = record;
  const Metadata = {
    completed: String(completedBytes),
    before: String(bytesBeforeTail),
    ...(uploadId === undefined ? {} : { upload: uploadId }),
    ...(digest === undefined ? {} : { digest }),
  };
  await bucket.request('append', tail.length, (options) =>
    bucket.s3.putObject({ ...bucket.place(recordKey(key)), ...bucket.encryption, Body: tail, Metadata }, options),
  );
}

/** Drops the growing objects among `keys`, whatever a crash left of them. */
export async function removeGrowing(bucket: Bucket, keys: readonly ObjectKey[]): Promise<void> {
  const wanted = new Set(keys.map(dataKey));
  for await (const { key, id } of uploadsBelow(bucket, commonPrefix([...wanted]))) {
    if (wanted.has(key)) await abortMultipart(bucket, key, id);
  }
  await removeData(bucket, keys);
}

/** The same for those that have no multipart upload. */
export async function removeData(bucket: Bucket, keys: readonly ObjectKey[]): Promise<void> {
  const places = keys.flatMap((key) => [dataKey(key), recordKey(key)]);
  const [failure] = (await removeObjects(bucket, places)).values();
  if (failure) throw failure;
}

/** Growing objects, also those of which a crash left only a part. */
export async function* listPartial(bucket: Bucket): AsyncGenerator<{ readonly key: ObjectKey; readonly modifiedAt: Date }> {
  const seen = new Set<string>();
  for await (const { key: place, modifiedAt } of everythingBelow(bucket)) {
    const key = place.slice(dataKey('').length);
    if (seen.has(key)) continue;
    seen.add(key);
    yield { key: objectKey(key), modifiedAt };
  }
}

async function* everythingBelow(bucket: Bucket): AsyncGenerator<{ readonly key: string; readonly modifiedAt: Date }> {
  yield* listKeys(bucket, growingFolder, '');
  yield* uploadsBelow(bucket, growingFolder);
}

interface StartedUpload {
  readonly key: string;
  readonly id: string;
  readonly modifiedAt: Date;
}

async function* uploadsBelow(bucket: Bucket, prefix: string): AsyncGenerator<StartedUpload> {
  const place = { Bucket: bucket.name, Prefix: bucket.prefix + prefix };
  for (let marker: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {}; marker;) {
    const from = { ...place, ...marker };
    const page: ListMultipartUploadsCommandOutput = await bucket.request('list uploads', 0, (options) =>
      bucket.s3.listMultipartUploads(from, options),
    );
    for (const { Key = '', UploadId = '', Initiated } of page.Uploads ?? []) {
      yield { key: Key.slice(bucket.prefix.length), id: UploadId, modifiedAt: Initiated ?? new Date() };
    }
    const { NextKeyMarker = '', NextUploadIdMarker = '' } = page;
    marker = page.IsTruncated ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker } : undefined;
  }
}

function commonPrefix(texts: readonly string[]): string {
  return texts.reduce((prefix, text) => {
    let length = 0;
    while (length < prefix.length && prefix[length] === text[length]) length++;
    return prefix.slice(0, length);
  });
}
