import type { Audit } from '../../access/accounts/audit.ts';
import type { AccessMetrics } from '../../observability/access-metrics.ts';

/** Returns the audit log that also counts the logins that were refused: every refusal goes through it. */
export function countLoginFailures(audit: Audit, metrics: AccessMetrics): Audit {
  return {
    ...audit,
    record(note) {
      audit.record(note);
      if (note.action !== 'login' || note.result !== 'refused') return;
      const { kind = 'password', reason = 'credentials' } = JSON.parse(note.detail ?? '{}') as { kind?: string; reason?: string };
      metrics.loginFailed(kind, reason);
    },
  };
}
