import type { Config } from '../../../config/schema.ts';

/** What a check has found. `skipped`: there was nothing to check. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'problem' | 'skipped';
  readonly message: string;
  /** What to do; null: nothing. */
  readonly advice: string | null;
}

/** A check of the installation. It changes nothing that stays. Rejects only for what it did not expect. */
export type Check = (config: Config) => Promise<readonly Finding[]>;

export const ok = (check: string, message: string): Finding => ({ check, status: 'ok', message, advice: null });
export const skipped = (check: string, message: string): Finding => ({ check, status: 'skipped', message, advice: null });
export const warning = (check: string, message: string, advice: string): Finding => ({
  check,
  status: 'warning',
  message,
  advice,
});
export const problem = (check: string, message: string, advice: string): Finding => ({
  check,
  status: 'problem',
  message,
  advice,
});

/** Returns the message of an error, with that of its cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause instanceof Error && !message.includes(cause.message) ? `${message}: ${cause.message}` : message;
}
