import { type Query, run } from './query.ts';
import { createAccount } from './account-writes.ts';
import type { AuditEvent } from './audit-steps.ts';
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
  wantsNamespace = false,
): Query<number | undefined> {
  const known = yield* findAccountOfSubject(issuer, subject);
  if (known !== undefined) return known;
  const account = { kind: 'user', name, passwordHash: null, isAdmin: false, expiresAt: null, wantsNamespace } as const;
  const created = yield* createAccount(account, event);
  if (!created) return undefined;
  yield* run(
    'INSERT INTO oidc_subjects (issuer, subject, account_id, created_at) VALUES (?, ?, ?, ?)',
    issuer,
    subject,
    created.id,
    event.at,
  );
  return created.id;
}
