/** The errors of `/v2/` (distribution-spec, "Error Codes"). */

interface ErrorDefinition {
  readonly status: number;
  readonly message: string;
}

/**
 * Codes of the specification with their usual status and default message. `test/spec/errors.test.ts` compares them with the
 * specification.
 */
export const ociErrors = {
  BLOB_UNKNOWN: { status: 404, message: 'blob unknown to registry' },
  BLOB_UPLOAD_INVALID: { status: 400, message: 'blob upload invalid' },
  BLOB_UPLOAD_UNKNOWN: { status: 404, message: 'blob upload unknown to registry' },
  DIGEST_INVALID: { status: 400, message: 'provided digest did not match uploaded content' },
  MANIFEST_BLOB_UNKNOWN: { status: 404, message: 'manifest references a manifest or blob unknown to registry' },
  MANIFEST_INVALID: { status: 400, message: 'manifest invalid' },
  MANIFEST_UNKNOWN: { status: 404, message: 'manifest unknown to registry' },
  NAME_INVALID: { status: 400, message: 'invalid repository name' },
  NAME_UNKNOWN: { status: 404, message: 'repository name not known to registry' },
  SIZE_INVALID: { status: 400, message: 'provided length did not match content length' },
  UNAUTHORIZED: { status: 401, message: 'authentication required' },
  DENIED: { status: 403, message: 'requested access to the resource is denied' },
  UNSUPPORTED: { status: 405, message: 'the operation is unsupported' },
  TOOMANYREQUESTS: { status: 429, message: 'too many requests' },
} as const satisfies Record<string, ErrorDefinition>;

/** Codes for errors of the server: the specification has codes for 4xx only. */
export const serverErrors = {
  INTERNAL: { status: 500, message: 'internal error' },
  BAD_GATEWAY: { status: 502, message: 'the upstream gave no usable answer' },
  UNAVAILABLE: { status: 503, message: 'the registry cannot reach its storage: try again later' },
  GATEWAY_TIMEOUT: { status: 504, message: 'the upstream did not answer in time' },
  INSUFFICIENT_STORAGE: { status: 507, message: 'the registry has no space left' },
} as const satisfies Record<string, ErrorDefinition>;

const definitions = { ...ociErrors, ...serverErrors };

export type OciErrorCode = keyof typeof definitions;

export interface OciErrorOptions {
  /** What is wrong and what to do, in a sentence. Default: the description in the specification. */
  readonly message?: string;
  /** Default: the usual status of the code. */
  readonly status?: number;
  /** Data for programs, sent as it is: no internals. */
  readonly detail?: unknown;
  /** Time after which the client should retry: `Retry-After`. */
  readonly retryAfterSeconds?: number | undefined;
  /** Further headers of the response, for errors of `http/`: `Range`, `Location`, `Allow`, `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The errors of the body. Default: one with `message` and `detail`. */
  readonly entries?: readonly { readonly message: string; readonly detail: unknown }[];
  readonly cause?: unknown;
}

/** An error for the client of `/v2/`. */
export class OciError extends Error {
  override readonly name = 'OciError';
  readonly code: OciErrorCode;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** The errors of the body, at least one. */
  readonly entries: readonly { readonly message: string; readonly detail?: unknown }[];

  constructor(code: OciErrorCode, options: OciErrorOptions = {}) {
    const message = options.message ?? definitions[code].message;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? definitions[code].status;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.headers = options.headers ?? {};
    this.entries = options.entries ?? [{ message, detail: options.detail }];
  }
}

/** Returns the error for a condition (`If-Match`, `If-None-Match`) that does not hold for `name`. */
export function preconditionFailed(name: string): OciError {
  return new OciError('DENIED', { status: 412, message: `the condition of the request does not hold for ${name}` });
}
