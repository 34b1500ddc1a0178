import { AdministrationError, type AdministrationErrorCode } from '../../access/accounts/administration-error.ts';
import { AuthenticationError, type AuthenticationErrorReason } from '../../access/credentials/authentication-error.ts';
import { IssuerUnavailable } from '../../access/federation/jwks.ts';
import { OidcError } from '../../access/federation/oidc-error.ts';
import { ConcurrencyLimitExceeded } from '../../coordination/semaphore.ts';
import { ImageError } from '../../images/index/image-error.ts';
import { MirrorError } from '../../mirror/mirror-error.ts';
import { UpstreamError, isOutage } from '../../upstream/upstream-error.ts';
import { OciError, type OciErrorCode } from '../../oci/errors.ts';
import { StorageError } from '../../../storage/blobs/driver.ts';
import { MetadataError } from '../../../storage/metadata/store.ts';
import { classifyImageError } from './image-errors.ts';
import { classifyMirrorError } from './mirror-errors.ts';
import { classifyStorageError } from './storage-errors.ts';

/** An error as clients read it, before it has a format. */
export interface ClassifiedError {
  readonly status: number;
  readonly code: OciErrorCode;
  /** What happened and what to do, in a sentence. Never internals. */
  readonly message: string;
  /** `Retry-After`, `Allow`, `Range`, `WWW-Authenticate`, … */
  readonly headers: Readonly<Record<string, string>>;
  /** One for each thing that is wrong, for formats that list them. */
  readonly entries: OciError['entries'];
  /** True if the cause is in this server or its stores, and not at the client or at an upstream. */
  readonly isOurs: boolean;
}

/**
 * Returns what a client reads of any error that a request can end with, `ClientGone` excepted: that client reads nothing.
 * An unknown error is a defect: 500 `INTERNAL`, without its message.
 */
export function classify(error: unknown): ClassifiedError {
  const answer = toOciError(error);
  const { status, code, message, entries } = answer;
  const isOurs = status >= 500 && !isCausedByUpstream(error);
  return { status, code, message, headers: headersOf(answer), entries, isOurs };
}

/** True if a request to an upstream failed. An upstream's 404 is not a failure: the client sent a wrong name. */
export function isCausedByUpstream(error: unknown): boolean {
  const cause = error instanceof MirrorError ? error.cause : error;
  return cause instanceof UpstreamError && isOutage(cause);
}

function headersOf({ status, retryAfterSeconds, headers }: OciError): Readonly<Record<string, string>> {
  return {
    // A 405 has to name the methods that work (RFC 9110, 15.5.6): content that is needed can still be read.
    ...(status === 405 ? { Allow: 'GET, HEAD' } : {}),
    ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterSeconds)) }),
    ...headers,
  };
}

function toOciError(error: unknown): OciError {
  if (error instanceof OciError) return error;
  if (error instanceof StorageError || error instanceof MetadataError) return classifyStorageError(error);
  if (error instanceof AuthenticationError) return classifyAuthenticationError(error);
  if (error instanceof ConcurrencyLimitExceeded) return new OciError('TOOMANYREQUESTS', { retryAfterSeconds: busySeconds });
  if (error instanceof IssuerUnavailable) {
    return new OciError('UNAVAILABLE', { message: error.message, retryAfterSeconds: busySeconds });
  }
  if (error instanceof AdministrationError) {
    return new OciError(administrationCodes[error.code], {
      status: administrationStatuses[error.code],
      message: error.message,
    });
  }
  // 403: the provider's answer was understood, and the person must not log in with it.
  if (error instanceof OidcError) return new OciError('UNAUTHORIZED', { status: 403, message: error.message });
  if (error instanceof ImageError) return classifyImageError(error);
  if (error instanceof MirrorError) return classifyMirrorError(error);
  if (error instanceof UpstreamError) return new OciError('BAD_GATEWAY');
  const status = clientErrorStatus(error);
  return status === undefined ? new OciError('INTERNAL') : new OciError('UNSUPPORTED', { status, message: messageOf(error) });
}

const busySeconds = 5;

const authenticationMessages: Readonly<Record<AuthenticationErrorReason, string>> = {
  credentials: 'the name or the secret is wrong, expired or revoked',
  bearer: 'the bearer token is not valid, or not any more',
  throttled: 'too many wrong passwords: wait before the next one',
};

function classifyAuthenticationError({ reason, retryAfterSeconds }: AuthenticationError): OciError {
  const message = authenticationMessages[reason];
  return reason === 'throttled'
    ? new OciError('TOOMANYREQUESTS', { message, retryAfterSeconds })
    : new OciError('UNAUTHORIZED', { message });
}

const administrationStatuses: Readonly<Record<AdministrationErrorCode, number>> = {
  invalid: 400,
  unknown: 404,
  taken: 409,
  refused: 409,
};

const administrationCodes: Readonly<Record<AdministrationErrorCode, OciErrorCode>> = {
  invalid: 'UNSUPPORTED',
  unknown: 'NAME_UNKNOWN',
  taken: 'DENIED',
  refused: 'DENIED',
};

/** The 4xx status that Express gives to errors in a request, such as a path that is not properly escaped. */
function clientErrorStatus(error: unknown): number | undefined {
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
