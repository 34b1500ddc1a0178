/**
 * - `credentials`: unknown name or wrong secret; the error does not reveal which.
 * - `bearer`: not a valid bearer token of this installation.
 * - `throttled`: too many wrong passwords; see `retryAfterSeconds`.
 */
export type AuthenticationErrorReason = 'credentials' | 'bearer' | 'throttled';

/** A client could not be authenticated. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';
  readonly reason: AuthenticationErrorReason;
  readonly retryAfterSeconds: number;

  constructor(reason: AuthenticationErrorReason, retryAfterSeconds = 0) {
    super(reason);
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
