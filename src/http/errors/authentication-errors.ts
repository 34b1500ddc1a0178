import { ConcurrencyLimitExceeded } from '../../coordination/semaphore.ts';
import { IssuerUnavailable } from '../../access/federation/jwks.ts';
import { AuthenticationError, type AuthenticationErrorReason } from '../../access/credentials/authentication-error.ts';
import { OciError } from '../../oci/errors.ts';

const messages: Readonly<Record<AuthenticationErrorReason, string>> = {
  credentials: 'the name or the secret is wrong, expired or revoked',
  bearer: 'the bearer token is not valid, or not any more',
  throttled: 'too many wrong passwords: wait before the next one',
};

const busySeconds = 5;

/** What a client that has not shown who it is may read; another error is given back as it is. */
export function toAuthenticationResponse(error: unknown, headers: Readonly<Record<string, string>>): unknown {
  if (error instanceof ConcurrencyLimitExceeded) {
    return new OciError('TOOMANYREQUESTS', { headers: { 'Retry-After': String(busySeconds) }, cause: error });
  }
  if (error instanceof IssuerUnavailable) {
    return new OciError('UNAVAILABLE', { message: error.message, headers: { 'Retry-After': String(busySeconds) }, cause: error });
  }
  if (!(error instanceof AuthenticationError)) return error;
  const { reason, retryAfterSeconds } = error;
  const message = messages[reason];
  return reason === 'throttled'
    ? new OciError('TOOMANYREQUESTS', { message, headers: { 'Retry-After': String(retryAfterSeconds) } })
    : new OciError('UNAUTHORIZED', { message, headers });
}
