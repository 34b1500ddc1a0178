import { S3, type S3ClientConfig } from '@aws-sdk/client-s3';

/**
 * Sends a request and watches it, for traces. `send` adds these headers to the request, and resolves to the status of the
 * response. Each try of a request is one call.
 */
export type WatchRequest = (
  request: { readonly operation: string; readonly method: string; readonly host: string },
  send: (headers: Readonly<Record<string, string>>) => Promise<number | undefined>,
) => Promise<unknown>;

export interface ClientOptions {
  readonly region: string;
  /** URL of an S3-compatible server. Default: AWS. */
  readonly endpoint?: string | undefined;
  /** URL of the same server for clients, for presigned URLs. */
  readonly publicEndpoint?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  /** Default: the chain of the SDK (environment, profile, instance role). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  readonly watchRequest?: WatchRequest | undefined;
}

/** Tries of a request by the SDK, with back-off and jitter. The driver does not retry these requests itself. */
export const maxAttempts = 3;

const connectionMilliseconds = 5000;

/** No limit of connections: the callers limit their concurrent requests. */
const agent = { keepAlive: true, maxSockets: Infinity };

/** Creates a client of `endpoint`, or of AWS without one. */
export function createClient(options: ClientOptions, endpoint = options.endpoint): S3 {
  const { region, credentials, forcePathStyle = false, watchRequest } = options;
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
    // With it every large PUT would open its own connection.
    expectContinueHeader: false,
    maxAttempts,
    requestHandler: {
      connectionTimeout: connectionMilliseconds,
      // `reading.ts` watches streams: the connection may be idle because the client is slow.
      socketTimeout: 0,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  const step = { step: 'build', name: 'leaveBodyToTls' } as const;
  s3.middlewareStack.add((next) => (work) => next(leaveBodyToTls(work)), step);
  if (watchRequest) addWatch(s3, watchRequest);
  return s3;
}

interface SignedRequest {
  readonly protocol: string;
  readonly body?: unknown;
  readonly headers: Record<string, string>;
}

/** Leaves the body out of the signature of requests over TLS, which protects it: hashing it would cost time for nothing. */
function leaveBodyToTls<Work extends { readonly request: unknown }>(work: Work): Work {
  const { protocol, body, headers } = work.request as SignedRequest;
  if (protocol === 'https:' && body !== undefined) headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
  return work;
}

/** Watches requests where they are signed: headers that are added here may change on their way. */
function addWatch(s3: S3, watch: WatchRequest): void {
  s3.middlewareStack.add(
    (next, context) => async (work) => {
      const { method, hostname: host, headers } = work.request as SignedRequest & { method: string; hostname: string };
      const operation = (context.commandName ?? '').replace(/Command$/, '');
      const sent = Promise.withResolvers<Awaited<ReturnType<typeof next>>>();
      // The caller gets the failure from `watch`.
      sent.promise.catch(() => undefined);
      await watch({ operation, method, host }, async (added) => {
        Object.assign(headers, added);
        const result = await next(work);
        sent.resolve(result);
        return (result.response as { readonly statusCode?: number }).statusCode;
      });
      return sent.promise;
    },
    { step: 'deserialize', name: 'watchRequest', priority: 'low' },
  );
}
