/**
 * - `credentials`: no such name, or not its secret. Which of the two is not said.
 * - `bearer`: not one of our bearer tokens, or not any more.
 * - `throttled`: too many wrong passwords; look at `retryAfterSeconds`.
 */
export type AuthenticationErrorReason = 'credentials' | 'bearer' | 'throttled';

/** Somebody has not shown who it is. */
export class AuthenticationError extends Error {
  override readonly name = 'Refused';
  readonly reason: AuthenticationErrorReason;
  readonly retryAfterSeconds: number;

  constructor(reason: AuthenticationErrorReason, retryAfterSeconds = 0) {
    super(reason);
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
