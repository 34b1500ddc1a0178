import type { S3, S3RequestOptions, StorageClass } from '@aws-sdk/client-s3';
import { StorageError } from '../driver.ts';
import { type ClientOptions, createClient, maxAttempts } from './client.ts';
import { toStorageError } from './errors.ts';
import { largestObjectBytes } from './part-sizes.ts';

export interface S3Options extends ClientOptions {
  readonly bucket: string;
  /** Put before every key, with a slash between; empty for none. */
  readonly prefix?: string | undefined;
  /** `presignRead` gives URLs. */
  readonly presignedReads?: boolean | undefined;
  /** The server obeys `If-None-Match: *` on PUT. */
  readonly conditionalPut?: boolean | undefined;
  readonly serverSideEncryption?: 'AES256' | 'aws:kms' | undefined;
  readonly kmsKeyId?: string | undefined;
  /** Of objects; growing ones are always in the standard class. */
  readonly storageClass?: string | undefined;
  /** A request that stands still for this long has failed. */
  readonly patienceMilliseconds?: number;
  readonly largestObjectBytes?: number;
}

/** A bucket, and how requests to it are made. */
export interface Bucket {
  readonly s3: S3;
  /** Signs URLs for clients, who may know the server by another name. */
  readonly presigner: S3;
  readonly name: string;
  /** Put before every key. */
  readonly prefix: string;
  readonly patienceMilliseconds: number;
  readonly largestObjectBytes: number;
  /** Fields of every request that makes an object. */
  readonly encryption: {
    readonly ServerSideEncryption?: 'AES256' | 'aws:kms';
    readonly SSEKMSKeyId?: string;
  };
  readonly storageClass: { readonly StorageClass?: StorageClass };
  /** Where an object lies, as requests name it. */
  place(key: string): { readonly Bucket: string; readonly Key: string };
  /** The same for the source of a copy. */
  source(key: string): { readonly CopySource: string };
  /** Runs one request that moves about `bytes`. Rejects with the contract's errors; `unavailable` when it stands still. */
  request<Result>(what: string, bytes: number, send: (options: S3RequestOptions) => Promise<Result>): Promise<Result>;
  /** Ends all requests; later ones reject `closed`. */
  close(): void;
}

/** Large requests get more patience: once more for so many bytes. */
const bytesForPatience = 16 * 1024 ** 2;

export function openBucket(options: S3Options): Bucket {
  const { bucket, serverSideEncryption, kmsKeyId, storageClass, patienceMilliseconds = 20_000 } = options;
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
    patienceMilliseconds,
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
      const requestTimeout = Math.ceil(patienceMilliseconds * (1 + bytes / bytesForPatience));
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
