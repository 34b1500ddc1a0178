/** Why a change is refused: `invalid` as requested, `unknown` or `taken` name, `refused` by a rule. */
export type AdministrationErrorCode = 'invalid' | 'unknown' | 'taken' | 'refused';

/** Messages repeat what the caller has sent: a request of a megabyte must not be answered by one. */
const maxMessageLength = 2000;

/** A change to accounts, grants or tokens that is not made. The message tells the caller why. */
export class AdministrationError extends Error {
  override readonly name = 'AdministrationError';
  readonly code: AdministrationErrorCode;

  constructor(code: AdministrationErrorCode, message: string) {
    super(message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message);
    this.code = code;
  }
}
