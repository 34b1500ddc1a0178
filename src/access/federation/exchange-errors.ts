import { IssuerUnavailable } from './jwks.ts';
import { OidcError, invalidIdToken, unknownAttempt } from './oidc-error.ts';

/** Maps an error of openid-client to one for the user, or of the provider. */
export async function toLoginError(error: unknown, hasCode: boolean, expectedNonce: string): Promise<Error> {
  const { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } = await import('openid-client');
  if (error instanceof AuthorizationResponseError) return notAdmitted();
  const isRefusal = error instanceof ResponseBodyError || error instanceof WWWAuthenticateChallengeError;
  if (isRefusal || hasRefusedStatus(error)) {
    return new OidcError('the provider does not take back what it has given you: begin again');
  }
  const { parameters, claims } = detailOf(error);
  if (parameters !== undefined) return unknownAttempt();
  if (claims !== undefined) return claims['nonce'] === expectedNonce ? invalidIdToken() : unknownAttempt();
  return hasCode
    ? new IssuerUnavailable('the login provider is not available', { cause: new Error(messages(error)) })
    : notAdmitted();
}

/** True for a refusal of the token endpoint that is no OAuth error: some providers send other bodies. */
function hasRefusedStatus(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Response && error.cause.status >= 400 && error.cause.status < 500;
}

function notAdmitted(): OidcError {
  return new OidcError('the provider has not let you in');
}

interface Detail {
  /** Of an authorization response that is not as expected. */
  readonly parameters?: unknown;
  /** Of an ID token that is not as expected. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** openid-client wraps the error of its lower layer, whose cause describes what was wrong. */
function detailOf(error: unknown): Detail {
  const inner = error instanceof Error ? error.cause : undefined;
  const detail = inner instanceof Error ? inner.cause : undefined;
  return typeof detail === 'object' && detail !== null ? detail : {};
}

/** Messages without their causes' data: that may contain tokens, and the error is logged. */
function messages(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  return error.cause instanceof Error ? `${error.message}: ${messages(error.cause)}` : error.message;
}
