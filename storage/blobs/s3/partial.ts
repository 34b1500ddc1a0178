import type { ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';
import { type Digest, parseDigest } from '../../../src/oci/digest.ts';
import { type ObjectKey, objectKey } from '../driver.ts';
import type { Bucket } from './bucket.ts';
import { abortMultipart } from './multipart.ts';
import { removeObjects } from './removing.ts';
import { listKeys } from './listing.ts';

/**
 * Keys of partial objects. Parts have at least 5 MiB and chunks may be smaller: the rest that fills no part is a separate object.
 *
 *   .berth/growing/
 *   ├── data/<key>    a multipart upload, and the object that it becomes
 *   └── tail/<key>    the record: the rest after the last part, and the id of the upload
 */
export const hiddenFolder = '.berth/';
const partialFolder = `${hiddenFolder}growing/`;

export const dataKey = (key: string): string => `${partialFolder}data/${key}`;
const recordKey = (key: string): string => `${partialFolder}tail/${key}`;

/** State of a partial object, in addition to the multipart upload at the server. */
export interface PartialRecord {
  readonly uploadId: string | undefined;
  /** Bytes of the object at `dataKey` that belong to the partial object: an earlier upload, completed to be read. */
  readonly completedBytes: number;
  /** Number of bytes before the tail. If the store has more, they contain the tail. */
  readonly bytesBeforeTail: number;
  readonly tail: Uint8Array;
  /** Digest of all bytes, with the tail. */
  readonly digest: Digest | undefined;
}

/** Reads the record. Rejects `not_found`. */
export async function loadRecord(bucket: Bucket, key: ObjectKey): Promise<PartialRecord> {
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

export async function saveRecord(bucket: Bucket, key: ObjectKey, record: PartialRecord): Promise<void> {
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

/** Deletes the partial objects among `keys`, also if a crash left only some of their parts. */
export async function removePartial(bucket: Bucket, keys: readonly ObjectKey[]): Promise<void> {
  const wanted = new Set(keys.map(dataKey));
  for await (const { key, id } of uploadsBelow(bucket, commonPrefix([...wanted]))) {
    if (wanted.has(key)) await abortMultipart(bucket, key, id);
  }
  await removeData(bucket, keys);
}

/** Deletes partial objects without a multipart upload. */
export async function removeData(bucket: Bucket, keys: readonly ObjectKey[]): Promise<void> {
  const places = keys.flatMap((key) => [dataKey(key), recordKey(key)]);
  const [failure] = (await removeObjects(bucket, places)).values();
  if (failure) throw failure;
}

/** Yields the partial objects, also those of which a crash left only some parts. */
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
  yield* listKeys(bucket, partialFolder, '');
  yield* uploadsBelow(bucket, partialFolder);
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
