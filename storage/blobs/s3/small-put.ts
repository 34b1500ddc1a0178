import { PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Bucket } from './bucket.ts';
import type { WatchRequest } from './client.ts';
import { putObject } from './writing.ts';

/** Writes a small object, atomic and durable. Replaces an object of the key. Rejects with `StorageError`. */
export type PutSmall = (key: string, bytes: Uint8Array) => Promise<void>;

type S3 = Bucket['s3'];

/** What the requests have in common. */
interface Target {
  /** URL of the prefix of all keys. */
  readonly url: URL;
  readonly signer: Awaited<ReturnType<S3['config']['signer']>>;
  readonly region: string;
}

interface Response {
  readonly statusCode: number;
  readonly body?: { resume?(): void };
}

/**
 * Creates the writer of small objects, of which berth writes several for each push: links of Distribution's layout. A PUT uses
 * the signer and the connections of the SDK, but not its layers for commands, endpoints and retries, which take three quarters
 * of the CPU of a small PUT. The SDK repeats a PUT that fails, and reports its error. After a refusal, such as for a kind of
 * bucket that needs other signatures, the SDK sends every later PUT.
 */
export function createSmallPut(bucket: Bucket, watch: WatchRequest = unwatched): PutSmall {
  let target: Promise<Target> | undefined;
  let isRefused = false;

  async function isWritten(key: string, bytes: Uint8Array): Promise<boolean> {
    target ??= findTarget(bucket);
    const { url, signer, region } = await target;
    const { config } = bucket.s3;
    const isSecure = url.protocol === 'https:';
    const request = {
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port !== '' && { port: Number(url.port) }),
      method: 'PUT',
      // A key has no character that must be escaped.
      path: url.pathname + key,
      query: {},
      headers: {
        host: url.host,
        'content-length': String(bytes.length),
        'content-type': 'application/octet-stream',
        // As in `client.ts`: TLS protects the body.
        ...(isSecure && { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }),
        ...storageHeaders(bucket),
      },
      body: bytes,
    };
    const signingDate = new Date(Date.now() + config.systemClockOffset);
    const signed = await signer.sign(request, { signingDate, signingRegion: region, signingService: 's3' });
    let status = 0;
    await bucket.request('put', bytes.length, (options) =>
      watch({ operation: 'PutObject', method: 'PUT', host: url.hostname }, async (headers) => {
        Object.assign(signed.headers, headers);
        const { response } = (await config.requestHandler.handle(signed, options)) as { readonly response: Response };
        response.body?.resume?.();
        return (status = response.statusCode);
      }),
    );
    isRefused ||= status >= 300 && status < 500 && !passing.has(status);
    return status === 200;
  }

  return async (key, bytes) => {
    try {
      if (!isRefused && (await isWritten(key, bytes))) return;
    } catch {
      // The SDK meets the same failure, and reports it.
      target = undefined;
    }
    await putObject(bucket, key, bytes);
  };
}

/** Refusals of one request, not of its form: time-out, and too many requests. */
const passing = new Set([408, 429]);

const unwatched: WatchRequest = (_, send) => send({});

/** A key of one character: the presigned URL without it is the URL of the prefix of all keys. */
const anyKey = 'x';

async function findTarget(bucket: Bucket): Promise<Target> {
  const { s3 } = bucket;
  const [region, presigned] = await Promise.all([
    s3.config.region(),
    getSignedUrl(s3, new PutObjectCommand(bucket.place(anyKey))),
  ]);
  const url = new URL(presigned);
  url.pathname = url.pathname.slice(0, -anyKey.length);
  const signer = await s3.config.signer({ name: 'sigv4', signingName: 's3', signingRegion: region, properties: {} });
  return { url, signer, region };
}

function storageHeaders({ encryption, storageClass }: Bucket): Readonly<Record<string, string>> {
  const { ServerSideEncryption, SSEKMSKeyId } = encryption;
  const { StorageClass } = storageClass;
  return {
    ...(ServerSideEncryption && { 'x-amz-server-side-encryption': ServerSideEncryption }),
    ...(SSEKMSKeyId && { 'x-amz-server-side-encryption-aws-kms-key-id': SSEKMSKeyId }),
    ...(StorageClass && { 'x-amz-storage-class': StorageClass }),
  };
}
