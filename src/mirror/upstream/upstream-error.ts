/** Everything that can go wrong with an upstream. */
export type UpstreamErrorCode =
  /** It says that there is no such thing. */
  | 'not_found'
  /** It does not let us read. */
  | 'denied'
  /** It refuses berth's login, so that it says nothing of what it has. */
  | 'login_refused'
  /** We have asked too much. */
  | 'limited'
  /** We are asking it so much already that there was no connection for this. */
  | 'busy'
  /** No address, no connection, no trust in its certificate. */
  | 'unreachable'
  /** It takes too long. */
  | 'timeout'
  /** It says that it cannot answer now (503). */
  | 'unavailable'
  /** It failed, or said what no registry says. */
  | 'failed'
  /** What it sent is not what it should have been. */
  | 'bad_content';

export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly code: UpstreamErrorCode;
  /** When it wants to be asked again. */
  readonly retryAfterSeconds: number | undefined;
  /** The HTTP status that it answered with, where it did. */
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

/** The upstream could not be asked, or not now: what is here already may still be served. */
export function isOutage({ code }: UpstreamError): boolean {
  return code !== 'not_found' && code !== 'denied';
}

/** The error's message and those of its causes, each once: one line for the log. */
export function reasonOf(error: unknown): string {
  let reason = '';
  for (let one = error; one instanceof Error; one = one.cause) {
    if (reason === '') reason = one.message;
    else if (one.message !== '' && !reason.includes(one.message)) reason += `: ${one.message}`;
  }
  return reason === '' ? String(error) : reason;
}
