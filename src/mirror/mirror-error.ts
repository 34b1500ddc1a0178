import type { OciErrorCode } from '../oci/errors.ts';
import type { MirroredRepository } from './names/routing.ts';
import { UpstreamError, type UpstreamErrorCode } from '../upstream/upstream-error.ts';

/** What the protocol calls a thing that the upstream does not have. */
export type UnknownCode = Extract<OciErrorCode, 'MANIFEST_UNKNOWN' | 'BLOB_UNKNOWN' | 'NAME_UNKNOWN'>;

/** A request to the mirror that failed at the upstream. The message names the upstream and is fit for clients. */
export class MirrorError extends Error {
  override readonly name = 'MirrorError';
  declare readonly cause: UpstreamError;
  readonly code: UpstreamErrorCode;
  readonly unknownCode: UnknownCode;
  /** True if the client can ask the upstream itself. */
  readonly hasFallback: boolean;
  readonly retryAfterSeconds: number | undefined;

  constructor(cause: UpstreamError, { upstream, hasFallback }: MirroredRepository, unknownCode: UnknownCode) {
    super(messageFor(cause, upstream.name), { cause });
    this.code = cause.code;
    this.unknownCode = unknownCode;
    this.hasFallback = hasFallback;
    this.retryAfterSeconds = cause.retryAfterSeconds;
  }
}

function messageFor({ code, message }: UpstreamError, upstream: string): string {
  if (code === 'not_found') return `${upstream} does not have it`;
  if (code === 'login_refused') return `${upstream} refuses berth's login, and shows no such repository without it`;
  if (code === 'denied') return `${upstream} has no such repository, or does not show it`;
  return `${upstream}: ${message}`;
}

/** Returns a failure of the upstream as a `MirrorError`, and every other error as it is. */
export function toMirrorError(error: unknown, source: MirroredRepository, unknownCode: UnknownCode): unknown {
  return error instanceof UpstreamError ? new MirrorError(error, source, unknownCode) : error;
}
