import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { accountNameProblem } from './account-name.ts';
import { canOwnNamespace } from './namespace.ts';
import { generatePassword, hashPassword, isNewPassword } from '../credentials/password.ts';

export interface FirstAdmin {
  readonly username: string;
  /** Undefined to generate one. */
  readonly password: string | undefined;
}

/**
 * Creates the first admin unless there is an admin. Returns its password, which is stored nowhere if it was generated. Safe in
 * several processes at once: one of them creates it.
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
