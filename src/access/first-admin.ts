import type { MetadataStore } from '../../storage/metadata/store.ts';
import { isAccountName } from './account-name.ts';
import { generatePassword, hashPassword, isPassword } from './password.ts';

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
): Promise<{ readonly created: boolean; readonly password: string }> {
  if (await metadata.hasAdmin()) return { created: false, password };
  if (!isAccountName(username)) throw new Error(`access.admin.username ${username} is not a user name`);
  if (!isPassword(password)) throw new Error('access.admin.password is empty or too long');
  const event = { at: now, actor: 'berth', address: '', action: 'user.create', target: username, result: 'done' } as const;
  return { created: await metadata.createFirstAdmin(username, await hashPassword(password), event), password };
}
