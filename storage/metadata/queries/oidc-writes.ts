import { type Query, run } from '../query.ts';
import { type AuditEvent, createAccount } from './access-writes.ts';
import { findAccountOfSubject } from './oidc-reads.ts';

/**
 * Gives the issuer's `subject` a new account, a user without a password, and returns the account's id; that of the account
 * that it has already, where it has one; undefined where the name belongs to somebody else.
 */
export function* createAccountOfSubject(
  name: string,
  issuer: string,
  subject: string,
  event: AuditEvent,
): Query<number | undefined> {
  const known = yield* findAccountOfSubject(issuer, subject);
  if (known !== undefined) return known;
  const id = yield* createAccount({ kind: 'user', name, passwordHash: null, isAdmin: false, expiresAt: null }, event);
  if (id === undefined) return undefined;
  yield* run(
    'INSERT INTO oidc_subjects (issuer, subject, account_id, created_at) VALUES (?, ?, ?, ?)',
    issuer,
    subject,
    id,
    event.at,
  );
  return id;
}
