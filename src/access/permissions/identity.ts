/** An authenticated identity, embedded in bearer tokens. Its permissions are looked up per request. */
export type Identity =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'account';
      readonly accountId: number;
      /** Generation of the account at the login: see `accounts.generation`. */
      readonly generation: number;
      /** Id of the secret; undefined for a password. */
      readonly tokenId?: string;
    }
  | {
      readonly kind: 'workload';
      /** Names of the configured identities that the provider's token matched. */
      readonly rules: readonly string[];
      /** The provider's identifier of the job. */
      readonly subject: string;
    };

export const anonymousIdentity: Identity = { kind: 'anonymous' };
