import { AdministrationError } from '../../../access/accounts/administration-error.ts';
import type { Action } from '../../../access/permissions/action.ts';
import { type PermissionRequest, authorize } from '../../../access/permissions/authorize.ts';
import type { Principal } from '../../../access/permissions/principal.ts';
import { OciError } from '../../../oci/errors.ts';
import type { RepositoryName } from '../../../oci/reference.ts';
import type { Context, Input, Needs } from './route.ts';

const administer: PermissionRequest = { action: 'administer' };

/** Refuses before the body is read: it takes memory and time. Throws 401 or 403. */
export function requireBeforeBody(principal: Principal, needs: Needs): void {
  if (needs === 'nothing') return;
  if (principal.kind === 'anonymous') throw new OciError('UNAUTHORIZED');
  if (needs === 'account' || needs === 'password') requireAccount(principal);
  if (needs === 'password') requirePassword(principal);
  if (needs === 'admin') requireAllowed(principal, administer);
}

/** Refuses what depends on the content of the request. Throws 401 or 403. */
export async function requireAfterBody(context: Context, needs: Needs, input: Input): Promise<void> {
  if (typeof needs !== 'object') return;
  const { principal, directory } = context;
  if ('action' in needs) return requireInRepository(context, needs.action, needs.repositoryOf(input));
  const pattern = await needs.adminOf(input, directory);
  requireAllowed(principal, pattern ? { action: 'manage', pattern } : administer);
}

/** Throws 404 for a repository that the client may not pull from, whether it exists or not. */
export async function requireInRepository(context: Context, action: Action, repository: RepositoryName): Promise<void> {
  requireAccount(context.principal);
  if (await context.allows(action, repository)) return;
  if (!(await context.allows('pull', repository))) throw new OciError('NAME_UNKNOWN', { detail: { name: repository } });
  throw new OciError('DENIED', { message: `${context.principal.name} has no right to ${action} in ${repository}` });
}

function requireAccount({ kind, bearer }: Principal): void {
  if ((kind !== 'user' && kind !== 'robot') || bearer) throw new OciError('DENIED');
}

function requirePassword({ kind, secretId }: Principal): void {
  if (kind !== 'user' || secretId !== undefined) throw needsPassword();
}

function requireAllowed(principal: Principal, permission: PermissionRequest): void {
  const decision = authorize(principal, permission);
  if (decision === 'challenge') throw new OciError('UNAUTHORIZED');
  if (decision === 'hide') throw new AdministrationError('unknown', 'nothing of that name exists');
  if (decision === 'deny') throw principal.secretId === undefined ? new OciError('DENIED') : needsPassword();
}

/** Access tokens and robots' secrets manage nothing but themselves. */
export function needsPassword(): OciError {
  return new OciError('DENIED', { message: 'this needs the password: an access token cannot do it' });
}
