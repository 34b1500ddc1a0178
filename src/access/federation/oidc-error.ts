/** Somebody whom the OpenID Connect provider has sent is not let in. The message is for that person. */
export class OidcError extends Error {
  override readonly name = 'OidcRefused';
}
