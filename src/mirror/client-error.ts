import { OciError, type OciErrorCode } from '../oci/errors.ts';
import type { MirroredRepository } from './names/routing.ts';
import { UpstreamError, type UpstreamErrorCode } from './upstream/upstream-error.ts';

type Unknown = Extract<OciErrorCode, 'MANIFEST_UNKNOWN' | 'BLOB_UNKNOWN' | 'NAME_UNKNOWN'>;

const statuses = {
  limited: 'TOOMANYREQUESTS',
  busy: 'UNAVAILABLE',
  unavailable: 'UNAVAILABLE',
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
  // Some registries refuse logins for repositories that do not exist, so that this may be a wrong name.
  if (code === 'login_refused') {
    return new OciError('NAME_UNKNOWN', {
      message: `${upstream.name} refuses berth's login, and shows no such repository without it`,
      cause,
    });
  }
  if (code === 'denied') {
    return new OciError('NAME_UNKNOWN', { message: `${upstream.name} has no such repository, or does not show it`, cause });
  }
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterSeconds)) };
  const message = `${upstream.name}: ${error.message}`;
  if (code === 'limited' && hasFallback) return new OciError('UNAVAILABLE', { message, headers, cause });
  return new OciError(statuses[code], { message, headers, cause });
}
