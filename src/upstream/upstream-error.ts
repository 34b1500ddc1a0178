/** The kinds of failures of an upstream. */
export type UpstreamErrorCode =
  /** The upstream says that it does not have the content. */
  | 'not_found'
  /** The upstream does not permit reading. */
  | 'denied'
  /** The upstream refuses berth's login, so that its content stays unknown. */
  | 'login_refused'
  /** The upstream limits the number of requests. */
  | 'limited'
  /** All connections to the upstream were in use for too long. */
  | 'busy'
  /** No address, no connection, no trust in its certificate. */
  | 'unreachable'
  /** The upstream takes too long. */
  | 'timeout'
  /** The upstream cannot answer now (503). */
  | 'unavailable'
  /** The upstream failed, or answered in a way that no registry does. */
  | 'failed'
  /** The upstream sent other content than it should have. */
  | 'bad_content';

export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly code: UpstreamErrorCode;
  /** The upstream's `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;
  /** HTTP status of the answer, if there was one. */
  readonly status: number | undefined;

  constructor(
    code: UpstreamErrorCode,
    message: string,
    options: { cause?: unknown; retryAfterSeconds?: number | undefined; status?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.status = options.status;
  }
}

/** True if the upstream could not be asked, or not now: cached content may still be served. */
export function isOutage({ code }: UpstreamError): boolean {
  return code !== 'not_found' && code !== 'denied';
}

/** Returns the error's message and those of its causes, each once: one line for the log. */
export function reasonOf(error: unknown): string {
  let reason = '';
  for (let one = error; one instanceof Error; one = one.cause) {
    if (reason === '') reason = one.message;
    else if (one.message !== '' && !reason.includes(one.message)) reason += `: ${one.message}`;
  }
  return reason === '' ? String(error) : reason;
}
