/** Who somebody has shown to be. Plain data: bearer tokens carry it. What follows from it is looked up at every use. */
export type Identity =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'account';
      readonly accountId: number;
      /** Of the account, when it was shown: see `accounts.generation`. */
      readonly generation: number;
      /** The secret that was shown, where it was no password. */
      readonly tokenId?: string;
    }
  | {
      readonly kind: 'workload';
      /** Names of the configured identities that the provider's token met. */
      readonly rules: readonly string[];
      /** The provider's name for the job. */
      readonly subject: string;
    };

export const anonymousIdentity: Identity = { kind: 'anonymous' };
