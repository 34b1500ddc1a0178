import { AdministrationError } from '../../../access/accounts/administration-error.ts';
import { type PermissionRequest, authorize } from '../../../access/permissions/authorize.ts';
import type { Principal } from '../../../access/permissions/principal.ts';
import { OciError } from '../../../oci/errors.ts';
import { requireRight } from '../../auth/require-right.ts';
import type { Context, Input, Route } from './route.ts';

/** Decides which rows a client may use. Each check throws an error for the client. */
export interface RowPermissions {
  /** Refuses before the body is read: it takes memory and time. */
  beforeBody(principal: Principal, route: Pick<Route, 'method' | 'needs'>): void;
  /** Refuses what depends on the content of the request. */
  afterBody(context: Context, route: Pick<Route, 'method' | 'needs'>, input: Input): Promise<void>;
}

const administer: PermissionRequest = { action: 'administer' };

/** The permissions of logins (mode token): `authorize` decides. */
export const loginPermissions: RowPermissions = {
  beforeBody(principal, { needs }) {
    if (needs === 'nothing') return;
    if (principal.kind === 'anonymous') throw new OciError('UNAUTHORIZED');
    if (needs === 'account' || needs === 'password') requireAccount(principal);
    if (needs === 'password') requirePassword(principal);
    if (needs === 'admin') requireAllowed(principal, administer);
  },
  async afterBody(context, { needs }, input) {
    if (typeof needs !== 'object') return;
    const { principal } = context;
    if ('action' in needs) {
      requireAccount(principal);
      return requireRight(context, needs.action, needs.repositoryOf(input));
    }
    const pattern = await needs.adminOf(input, context);
    requireAllowed(principal, pattern ? { action: 'manage', pattern } : administer);
  },
};

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
