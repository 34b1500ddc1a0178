/**
 * - `credentials`: no such name, or not its secret. Which of the two is not said.
 * - `bearer`: not one of our bearer tokens, or not any more.
 * - `throttled`: too many wrong passwords; look at `retryAfterSeconds`.
 */
export type RefusedReason = 'credentials' | 'bearer' | 'throttled';

/** Somebody has not shown who it is. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly reason: RefusedReason;
  readonly retryAfterSeconds: number;

  constructor(reason: RefusedReason, retryAfterSeconds = 0) {
    super(reason);
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
