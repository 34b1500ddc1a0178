/** A login by the OpenID Connect provider failed. The message is for the user who tried to sign in. */
export class OidcError extends Error {
  override readonly name = 'OidcError';
}

/** Returns the error for a provider's response that belongs to no login attempt of this browser. */
export function unknownAttempt(): OidcError {
  return new OidcError('this login was not begun in this browser, or has taken too long: begin again');
}

export function invalidIdToken(): OidcError {
  return new OidcError('the provider has sent a token that is not good');
}
