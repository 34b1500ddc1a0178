import { OciError, type OciErrorCode } from '../oci/errors.ts';
import type { MirroredRepository } from './routing.ts';

/** Everything that can go wrong with an upstream. */
export type UpstreamErrorCode =
  /** It says that there is no such thing. */
  | 'not_found'
  /** It does not let us read. */
  | 'denied'
  /** We have asked too much. */
  | 'limited'
  /** No address, no connection, no trust in its certificate. */
  | 'unreachable'
  /** It takes too long. */
  | 'timeout'
  /** It failed, or said what no registry says. */
  | 'failed'
  /** What it sent is not what it should have been. */
  | 'bad_content';

export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly code: UpstreamErrorCode;
  /** When it wants to be asked again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: UpstreamErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The upstream could not be asked, or not now: what is here already may still be served. */
export function isOutage({ code }: UpstreamError): boolean {
  return code !== 'not_found' && code !== 'denied';
}

type Unknown = Extract<OciErrorCode, 'MANIFEST_UNKNOWN' | 'BLOB_UNKNOWN' | 'NAME_UNKNOWN'>;

const statuses = {
  limited: 'TOOMANYREQUESTS',
  unreachable: 'BAD_GATEWAY',
  timeout: 'GATEWAY_TIMEOUT',
  failed: 'BAD_GATEWAY',
  bad_content: 'BAD_GATEWAY',
} as const satisfies Partial<Record<UpstreamErrorCode, OciErrorCode>>;

/**
 * What the client reads of it. "I could not ask" is never a 404. A limit is told as such only to a client that has
 * nobody else to ask: containerd answers a 429 with five immediate retries, and a 503 by asking the upstream itself.
 */
export function toClientError(error: unknown, { upstream, hasFallback }: MirroredRepository, unknown: Unknown): unknown {
  if (!(error instanceof UpstreamError)) return error;
  const { code, retryAfterSeconds } = error;
  const cause = error;
  if (code === 'not_found') return new OciError(unknown, { message: `${upstream.name} does not have it`, cause });
  if (code === 'denied') {
    return new OciError('NAME_UNKNOWN', { message: `${upstream.name} has no such repository, or does not show it`, cause });
  }
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterSeconds)) };
  const message = `${upstream.name}: ${error.message}`;
  if (code === 'limited' && hasFallback) return new OciError('UNAVAILABLE', { message, headers, cause });
  return new OciError(statuses[code], { message, headers, cause });
}
