import { AdministrationError, type AdministrationField } from '../../../access/accounts/administration-error.ts';
import type { FormState } from '../parts/fields.ts';

/** Names of fields, where a form calls what an error is about otherwise. */
export type FieldNames = Readonly<Partial<Record<AdministrationField, string>>>;

const usualNames: Readonly<Record<AdministrationField, string>> = {
  name: 'name',
  password: 'password',
  pattern: 'pattern',
  grants: 'grants',
  subject: 'subject',
  account: 'account',
  expires: 'days',
};

/** Returns the state of a form that was rejected by `error`. Throws every other error again. */
export function rejectionOf(error: unknown, form: URLSearchParams, names: FieldNames = {}): FormState {
  if (!(error instanceof AdministrationError)) throw error;
  const { message, field } = error;
  return { form, message, wrong: field && { ...usualNames, ...names }[field] };
}
