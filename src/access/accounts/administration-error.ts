/** Why a change is refused: `invalid` request, `unknown` or `taken` name, `refused` by a rule. */
export type AdministrationErrorCode = 'invalid' | 'unknown' | 'taken' | 'refused';

/** The part of a change that an error is about. */
export type AdministrationField = 'name' | 'password' | 'pattern' | 'grants' | 'subject' | 'account' | 'expires';

/** Messages quote the request: a large request must not get a large response. */
const maxMessageLength = 2000;

/** A refused change of accounts, grants or tokens. The message is for the caller. */
export class AdministrationError extends Error {
  override readonly name = 'AdministrationError';
  readonly code: AdministrationErrorCode;
  /** What the error is about, for forms that mark it; undefined: the change as a whole. */
  readonly field: AdministrationField | undefined;

  constructor(code: AdministrationErrorCode, message: string, field?: AdministrationField) {
    super(message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message);
    this.code = code;
    this.field = field;
  }
}
