import { S3, type S3RequestOptions, type StorageClass } from '@aws-sdk/client-s3';
import { StorageError } from '../driver.ts';
import { toStorageError } from './errors.ts';

export interface S3Options {
  readonly bucket: string;
  /** Put before every key, with a slash between; empty for none. */
  readonly prefix?: string | undefined;
  readonly region: string;
  /** Address of a compatible server; AWS without it. */
  readonly endpoint?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  /** Without it the SDK's own chain: environment, profile, instance role. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** `presignRead` gives URLs. */
  readonly presignedReads?: boolean | undefined;
  /** The server obeys `If-None-Match: *` on PUT. */
  readonly conditionalPut?: boolean | undefined;
  readonly serverSideEncryption?: 'AES256' | 'aws:kms' | undefined;
  readonly kmsKeyId?: string | undefined;
  /** Of objects; growing ones are always in the standard class. */
  readonly storageClass?: string | undefined;
  /** A request that stands still for this long has failed. */
  readonly patienceMilliseconds?: number | undefined;
}

/** A bucket, and how requests to it are made. */
export interface Bucket {
  readonly s3: S3;
  readonly name: string;
  /** Put before every key. */
  readonly prefix: string;
  readonly patienceMilliseconds: number;
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

/** The SDK tries again by itself, with back-off and jitter, what may be tried again: that is all the retrying here. */
const mostAttempts = 3;

/** Large requests get more patience: once more for so many bytes. */
const bytesForPatience = 16 * 1024 ** 2;

export function openBucket(options: S3Options): Bucket {
  const { bucket, region, endpoint, credentials, serverSideEncryption, kmsKeyId, storageClass } = options;
  const patienceMilliseconds = options.patienceMilliseconds ?? 20_000;
  const folder = (options.prefix ?? '').replace(/^\/+|\/+$/g, '');
  const prefix = folder && `${folder}/`;
  const s3 = new S3({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: options.forcePathStyle ?? false,
    ...(credentials === undefined ? {} : { credentials }),
    // Compatible servers refuse the trailers that the SDK would send by itself. Digests are verified by the registry.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With it every large PUT would use a connection of its own.
    expectContinueHeader: false,
    maxAttempts: mostAttempts,
    requestHandler: {
      connectionTimeout: Math.min(5000, patienceMilliseconds),
      // Streams are watched where they are read: a slow client lets the connection rest.
      socketTimeout: 0,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: 1000 },
      httpsAgent: { keepAlive: true, maxSockets: 1000 },
    },
  });
  let closed = false;

  return {
    s3,
    name: bucket,
    prefix,
    patienceMilliseconds,
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
      const timer = setTimeout(() => deadline.abort(), (mostAttempts + 1) * requestTimeout);
      try {
        return await send({ requestTimeout, abortSignal: deadline.signal });
      } catch (error) {
        throw toStorageError(error, what);
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      closed = true;
      s3.destroy();
    },
  };
}
