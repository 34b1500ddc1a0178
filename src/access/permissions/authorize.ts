import type { Action } from './action.ts';
import type { Pattern } from '../../oci/patterns/repository-pattern.ts';
import { type Principal, scopeActions } from './principal.ts';

/** A request for permission, by its action. */
export type PermissionRequest =
  /** An action in a repository. */
  | { readonly action: Action; readonly repository: string; readonly isPublic: boolean }
  /** To be authenticated, without any further permission: `GET /v2/`. */
  | { readonly action: 'authenticate' }
  /** To list the repositories that the principal may pull. */
  | { readonly action: 'list' }
  /** To manage grants and visibility of all repositories that the pattern matches. Takes a login, not a secret. */
  | { readonly action: 'manage'; readonly pattern: Pattern }
  /** To manage accounts, teams and the installation. Takes a login, not a secret. */
  | { readonly action: 'administer' };

/**
 * - `challenge`: 401 with a challenge: log in, or get a token for this. Reveals nothing about what exists.
 * - `deny`: 403 with the reason.
 * - `hide`: 404, as for a repository that does not exist.
 */
export type Decision = 'allow' | 'challenge' | 'deny' | 'hide';

/**
 * Decides whether the principal has a permission. All permission rules are in this file. Pure. The decision depends on grants and
 * visibility, so that it does not reveal what exists.
 */
export function authorize(principal: Principal, permission: PermissionRequest): Decision {
  switch (permission.action) {
    case 'authenticate':
      return isAuthenticated(principal) ? 'allow' : 'challenge';
    case 'list':
      return isAuthenticated(principal) && bearerCovers(principal, 'registry', 'catalog', 'list') ? 'allow' : 'challenge';
    case 'manage':
      return mayManage(principal, permission.pattern) ? 'allow' : refuse(principal);
    case 'administer':
      return mayAdminister(principal) ? 'allow' : refuse(principal);
    case 'pull':
    case 'add':
    case 'push':
    case 'delete':
    case 'admin':
      return inRepository(principal, permission);
  }
}

function refuse({ kind }: Principal): Decision {
  return kind === 'anonymous' ? 'challenge' : 'deny';
}

function mayManage(principal: Principal, pattern: Pattern): boolean {
  return (managesByLogin(principal) && principal.grants.covers('admin', pattern)) || mayAdminister(principal);
}

/** True if the client logged in or has a bearer token, even an anonymous one. */
function isAuthenticated({ kind, bearer }: Principal): boolean {
  return kind !== 'anonymous' || bearer !== undefined;
}

function mayAdminister(principal: Principal): boolean {
  return principal.admin && managesByLogin(principal);
}

/**
 * True if the client has logged in itself. Access tokens, robots' secrets and bearer tokens have at most their account's
 * permissions in repositories, but cannot change permissions: a stolen one could be made to outlive its revocation.
 */
function managesByLogin({ secretId, bearer }: Principal): boolean {
  return secretId === undefined && bearer === undefined;
}

type RepositoryRequest = Extract<PermissionRequest, { readonly repository: string }>;

function inRepository(principal: Principal, permission: RepositoryRequest): Decision {
  if (isPublicPull(principal, permission)) return 'allow';
  if (permits(principal, permission)) {
    return bearerCovers(principal, 'repository', permission.repository, permission.action) ? 'allow' : 'challenge';
  }
  if (principal.kind === 'anonymous' || principal.kind === 'external') return 'challenge';
  return hidesRepository(permission) && !permits(principal, { ...permission, action: 'pull' }) ? 'hide' : 'deny';
}

/**
 * True for actions that can only be refused as in a repository that does not exist (404). A refused push is a 403 whether the
 * repository exists or not: it could create the repository.
 */
function hidesRepository({ action }: RepositoryRequest): boolean {
  return action === 'pull' || action === 'delete';
}

/** Public repositories need no token: a token for another scope must not block the pull. */
function isPublicPull({ pullsPublic }: Principal, { action, isPublic }: RepositoryRequest): boolean {
  return action === 'pull' && isPublic && pullsPublic;
}

/** True if an external token has the catalog scope: listings then show all repositories. */
export function listsEverything(principal: Principal): boolean {
  return principal.kind === 'external' && bearerCovers(principal, 'registry', 'catalog', 'list');
}

/** True if the principal has the permission, whatever scopes its bearer token was issued for. */
export function permits(principal: Principal, permission: RepositoryRequest): boolean {
  const { admin, grants, ceiling } = principal;
  const { action, repository } = permission;
  if (isPublicPull(principal, permission)) return true;
  return (admin || grants.allows(action, repository)) && (ceiling?.allows(action, repository) ?? true);
}

function bearerCovers({ bearer }: Principal, type: string, name: string, action: Action | 'list'): boolean {
  if (!bearer) return true;
  const wanted = scopeWord(action);
  return bearer.some(
    (scope) => scope.type === type && scope.name === name && scope.actions.some((word) => word === '*' || word === wanted),
  );
}

/** Returns the word for the action in a scope; undefined if only `*` covers it (`list`, `admin`). */
function scopeWord(action: Action | 'list'): string | undefined {
  const entries = Object.entries(scopeActions);
  return entries.find(([, covered]) => (covered as readonly string[]).includes(action))?.[0];
}
