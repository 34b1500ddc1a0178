import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import type { Bucket } from './bucket.ts';

export interface ListedKey {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/** Yields the keys that begin with `prefix`, after `startAfter` (exclusive), ascending by bytes. Reads one page at a time. */
export async function* listKeys(bucket: Bucket, prefix: string, startAfter: string): AsyncGenerator<ListedKey> {
  const place = { Bucket: bucket.name, Prefix: bucket.prefix + prefix };
  const after = startAfter ? { StartAfter: bucket.prefix + startAfter } : {};
  for (let token: { ContinuationToken?: string } | undefined = {}; token;) {
    const from = { ...place, ...after, ...token };
    const page: ListObjectsV2CommandOutput = await bucket.request('list', 0, (options) => bucket.s3.listObjectsV2(from, options));
    for (const { Key = '', Size, LastModified } of page.Contents ?? []) {
      yield { key: Key.slice(bucket.prefix.length), sizeBytes: Size ?? 0, modifiedAt: LastModified ?? new Date() };
    }
    token = page.IsTruncated && page.NextContinuationToken ? { ContinuationToken: page.NextContinuationToken } : undefined;
  }
}
