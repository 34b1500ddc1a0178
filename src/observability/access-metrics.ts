import type { Registry } from './prometheus/client.ts';
import { counterOf } from './prometheus/registration.ts';

/** Metrics of logins. */
export interface AccessMetrics {
  /** `kind`: what the client sent, such as `password`, `personal` or `bearer`. */
  loginFailed(kind: string, reason: string): void;
}

export function createAccessMetrics(registry: Registry): AccessMetrics {
  const failures = counterOf(registry)('login_failures_total', 'logins that were refused', ['kind', 'reason']);
  return { loginFailed: (kind, reason) => failures.inc({ kind, reason }) };
}
