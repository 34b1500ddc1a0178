/** Why a change is refused: `invalid` as requested, `unknown` or `taken` name, `refused` by a rule. */
export type AdministrationErrorCode = 'invalid' | 'unknown' | 'taken' | 'refused';

/** A change to accounts, grants or tokens that is not made. The message tells the caller why. */
export class AdministrationError extends Error {
  override readonly name = 'AdministrationError';
  readonly code: AdministrationErrorCode;

  constructor(code: AdministrationErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
