import { type Query, run } from './query.ts';
import { type CreatedAccount, createAccount } from './account-writes.ts';
import type { AuditEvent } from './audit-steps.ts';
import { findAccountOfSubject } from './oidc-reads.ts';

/**
 * Creates an account for the issuer's `subject`: a user without a password. Returns the account; the subject's existing one, with
 * no obstacle, if it has one; undefined if another account has the name.
 */
export function* createAccountOfSubject(
  name: string,
  issuer: string,
  subject: string,
  event: AuditEvent,
  wantsNamespace = false,
): Query<CreatedAccount | undefined> {
  const existing = yield* findAccountOfSubject(issuer, subject);
  if (existing !== undefined) return { id: existing, obstacle: undefined };
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
  return created;
}
