import { S3, type S3ClientConfig } from '@aws-sdk/client-s3';

export interface ClientOptions {
  readonly region: string;
  /** Address of a compatible server; AWS without it. */
  readonly endpoint?: string | undefined;
  /** The same as clients reach it, for presigned URLs. */
  readonly publicEndpoint?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  /** Without it the SDK's own chain: environment, profile, instance role. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}

/** The SDK tries again by itself, with back-off and jitter, what may be tried again: that is all the retrying here. */
export const maxAttempts = 3;

const connectionMilliseconds = 5000;

/** Requests are never queued here: how many there are at once is decided by who asks. */
const agent = { keepAlive: true, maxSockets: Infinity };

/** A client of `endpoint`; of AWS without it. */
export function createClient(options: ClientOptions, endpoint = options.endpoint): S3 {
  const { region, credentials, forcePathStyle = false } = options;
  const where: S3ClientConfig = endpoint === undefined ? {} : { endpoint };
  const who: S3ClientConfig = credentials === undefined ? {} : { credentials };
  const s3 = new S3({
    region,
    forcePathStyle,
    ...where,
    ...who,
    // Compatible servers refuse the trailers that the SDK would send by itself. Digests are verified by the registry.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With it every large PUT would use a connection of its own.
    expectContinueHeader: false,
    maxAttempts,
    requestHandler: {
      connectionTimeout: connectionMilliseconds,
      // Streams are watched where they are read: a slow client lets the connection rest.
      socketTimeout: 0,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  const step = { step: 'build', name: 'leaveBodyToTls' } as const;
  s3.middlewareStack.add((next) => (work) => next(leaveBodyToTls(work)), step);
  return s3;
}

interface SignedRequest {
  readonly protocol: string;
  readonly body?: unknown;
  readonly headers: Record<string, string>;
}

/** TLS keeps bodies as they are: to hash each once more for its request's signature would be for nothing. */
function leaveBodyToTls<Work extends { readonly request: unknown }>(work: Work): Work {
  const { protocol, body, headers } = work.request as SignedRequest;
  if (protocol === 'https:' && body !== undefined) headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
  return work;
}
