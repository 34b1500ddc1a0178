import { type Query, all, first, read, run, write } from './steps/query.ts';
import { type AuditEvent, recordAccessChange } from './steps/events.ts';

/** Keys that sign bearer tokens. Times are milliseconds since 1970. */

export interface SigningKeyRecord {
  readonly kid: string;
  readonly privateKey: string;
  readonly createdAt: number;
  readonly retiresAt: number | null;
}

export interface NewSigningKey {
  readonly kid: string;
  /** PKCS #8, PEM. */
  readonly privateKey: string;
}

/** Lists keys: the signing one first, then newest first. */
export const list = read(function* (): Query<readonly SigningKeyRecord[]> {
  return yield* all<SigningKeyRecord>(
    `SELECT kid AS "kid", private_key AS "privateKey", created_at AS "createdAt", retires_at AS "retiresAt"
       FROM signing_keys ORDER BY retires_at IS NOT NULL, created_at DESC, kid`,
  );
});

/**
 * Makes the key the signing one, unless another has become so since `newest` (the kid that the caller knew, or ''), and
 * lets the others verify until `retiresAt`.
 */
export const add = write(function* (key: NewSigningKey, newest: string, retiresAt: number, event: AuditEvent): Query<boolean> {
  const row = yield* first<{ kid: string }>('SELECT kid AS "kid" FROM signing_keys WHERE retires_at IS NULL');
  if ((row?.kid ?? '') !== newest) return false;
  yield* run('UPDATE signing_keys SET retires_at = ? WHERE retires_at IS NULL OR retires_at > ?', retiresAt, retiresAt);
  yield* run('INSERT INTO signing_keys (kid, private_key, created_at) VALUES (?, ?, ?)', key.kid, key.privateKey, event.at);
  yield* recordAccessChange(event);
  return true;
});

export const prune = write(function* (now: number): Query<void> {
  yield* run('DELETE FROM signing_keys WHERE retires_at IS NOT NULL AND retires_at < ?', now);
});
