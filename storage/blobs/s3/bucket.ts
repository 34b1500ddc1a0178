import type { S3, S3RequestOptions, StorageClass } from '@aws-sdk/client-s3';
import { StorageError } from '../driver.ts';
import { type ClientOptions, createClient, maxAttempts } from './client.ts';
import { toStorageError } from './errors.ts';
import { largestObjectBytes } from './part-sizes.ts';

export interface S3Options extends ClientOptions {
  readonly bucket: string;
  /** Prefix of every key, without a slash at its end. Default: none. */
  readonly prefix?: string | undefined;
  /** True if `presignRead` resolves to URLs. Default: true. */
  readonly presignedReads?: boolean | undefined;
  /** True if the server supports `If-None-Match: *` on PUT. Default: true. */
  readonly conditionalPut?: boolean | undefined;
  readonly serverSideEncryption?: 'AES256' | 'aws:kms' | undefined;
  readonly kmsKeyId?: string | undefined;
  /** Storage class of objects; partial objects have the server's default. */
  readonly storageClass?: string | undefined;
  /** A request fails after this time without progress. */
  readonly stallMilliseconds?: number;
  readonly largestObjectBytes?: number;
}

/** A bucket and its client. */
export interface Bucket {
  readonly s3: S3;
  /** Signs URLs for clients, which may use another name of the server. */
  readonly presigner: S3;
  readonly name: string;
  /** Prefix of every key: '', or with a slash at its end. */
  readonly prefix: string;
  readonly stallMilliseconds: number;
  readonly largestObjectBytes: number;
  /** Fields of every request that creates an object. */
  readonly encryption: {
    readonly ServerSideEncryption?: 'AES256' | 'aws:kms';
    readonly SSEKMSKeyId?: string;
  };
  readonly storageClass: { readonly StorageClass?: StorageClass };
  /** Returns the fields of a request that name an object. */
  place(key: string): { readonly Bucket: string; readonly Key: string };
  /** Returns the fields that name the source of a copy. */
  source(key: string): { readonly CopySource: string };
  /** Sends a request that transfers about `bytes`. Rejects with `StorageError`: `unavailable` if it makes no progress. */
  request<Result>(what: string, bytes: number, send: (options: S3RequestOptions) => Promise<Result>): Promise<Result>;
  /** Ends all requests; later ones reject `closed`. */
  close(): void;
}

/** Large requests get more time: `stallMilliseconds` more for each of so many bytes. */
const bytesPerStallTime = 16 * 1024 ** 2;

export function openBucket(options: S3Options): Bucket {
  const { bucket, serverSideEncryption, kmsKeyId, storageClass, stallMilliseconds = 20_000 } = options;
  const folder = (options.prefix ?? '').replace(/^\/+|\/+$/g, '');
  const prefix = folder && `${folder}/`;
  const s3 = createClient(options);
  const presigner = options.publicEndpoint === undefined ? s3 : createClient(options, options.publicEndpoint);
  let closed = false;

  return {
    s3,
    presigner,
    name: bucket,
    prefix,
    stallMilliseconds,
    largestObjectBytes: options.largestObjectBytes ?? largestObjectBytes,
    encryption: {
      ...(serverSideEncryption && { ServerSideEncryption: serverSideEncryption }),
      ...(kmsKeyId && { SSEKMSKeyId: kmsKeyId }),
    },
    storageClass: storageClass ? { StorageClass: storageClass as StorageClass } : {},
    place: (key) => ({ Bucket: bucket, Key: prefix + key }),
    source: (key) => ({ CopySource: `${bucket}/${(prefix + key).split('/').map(encodeURIComponent).join('/')}` }),
    async request(what, bytes, send) {
      if (closed) throw new StorageError('closed', `${what}: the blob store is closed`);
      const requestTimeout = Math.ceil(stallMilliseconds * (1 + bytes / bytesPerStallTime));
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(), (maxAttempts + 1) * requestTimeout);
      try {
        return await send({ requestTimeout, abortSignal: deadline.signal });
      } catch (error) {
        throw toStorageError(error, `S3 bucket ${bucket}: ${what}`);
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      closed = true;
      s3.destroy();
      presigner.destroy();
    },
  };
}
