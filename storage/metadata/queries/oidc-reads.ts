import { type Query, first } from './query.ts';

/** The account that the issuer's `subject` has been given. */
export function* findAccountOfSubject(issuer: string, subject: string): Query<number | undefined> {
  const row = yield* first<{ accountId: number }>(
    'SELECT account_id AS "accountId" FROM oidc_subjects WHERE issuer = ? AND subject = ?',
    issuer,
    subject,
  );
  return row?.accountId;
}
