import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { accountNameProblem } from './account-name.ts';
import { canOwnNamespace } from './namespace.ts';
import { generatePassword, hashPassword, isNewPassword } from '../credentials/password.ts';

export interface FirstAdmin {
  readonly username: string;
  /** Undefined: one is generated. */
  readonly password: string | undefined;
}

/**
 * Sees to it that there is an admin. Returns the password where one was generated: it is nowhere else. Several processes
 * may ask at once: one of them creates it.
 */
export async function ensureAdmin(
  metadata: MetadataStore,
  { username, password = generatePassword() }: FirstAdmin,
  now: number,
  reserved: ReadonlySet<string>,
): Promise<{ readonly created: boolean; readonly password: string }> {
  if (await metadata.accounts.hasAdmin()) return { created: false, password };
  const problem = accountNameProblem(username);
  if (problem !== undefined) throw new Error(`access.admin.username ${username} is not a user name: ${problem}`);
  if (!isNewPassword(password)) throw new Error('access.admin.password must have 8 characters or more, and 1024 bytes or less');
  const event = { at: now, actor: 'berth', address: '', action: 'user.create', target: username, result: 'done' } as const;
  const wantsNamespace = canOwnNamespace(username, reserved);
  const hash = await hashPassword(password);
  return { created: await metadata.accounts.createFirstAdmin(username, hash, event, wantsNamespace), password };
}
