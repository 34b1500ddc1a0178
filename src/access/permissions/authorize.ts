import type { Action } from './action.ts';
import type { Pattern } from './pattern.ts';
import { type Principal, scopeActions } from './principal.ts';

/** What somebody wants. */
export type PermissionRequest =
  /** To do something in a repository, which is public or not. */
  | { readonly action: Action; readonly repository: string; readonly isPublic: boolean }
  /** To be known: `GET /v2/`. */
  | { readonly action: 'authenticate' }
  /** To list what it may pull. */
  | { readonly action: 'list' }
  /** To decide who may do what in everything that the pattern matches, and whether it is public. Takes a login, not a secret. */
  | { readonly action: 'manage'; readonly pattern: Pattern }
  /** To change accounts, teams and everything else. Takes a login, not a secret. */
  | { readonly action: 'administer' };

/**
 * - `challenge`: log in, or come back with a token for this. Says nothing about what exists.
 * - `deny`: no, and it may know why.
 * - `hide`: no, and it looks as if there were nothing.
 */
export type Decision = 'allow' | 'challenge' | 'deny' | 'hide';

/**
 * Who may do what: every permission of berth is decided here and nowhere else. Pure. The answer depends on what is
 * granted and never on what exists, so that it tells nothing about that.
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

/** Has shown who it is, if only by a token that says "nobody". */
function isAuthenticated({ kind, bearer }: Principal): boolean {
  return kind !== 'anonymous' || bearer !== undefined;
}

function mayAdminister(principal: Principal): boolean {
  return principal.admin && managesByLogin(principal);
}

/**
 * Access tokens, robots' secrets and bearer tokens do what their account may do in repositories. They change no rights:
 * whoever steals one could make it outlive its revocation.
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
  const reads = permission.action === 'pull' || permission.action === 'delete';
  return reads && !permits(principal, { ...permission, action: 'pull' }) ? 'hide' : 'deny';
}

/** What is public needs no token, so that one made out for something else does not stand in the way. */
function isPublicPull({ pullsPublic }: Principal, { action, isPublic }: RepositoryRequest): boolean {
  return action === 'pull' && isPublic && pullsPublic;
}

/** True if another server's token lists the catalog: it then shows every repository's name. */
export function listsEverything(principal: Principal): boolean {
  return principal.kind === 'external' && bearerCovers(principal, 'registry', 'catalog', 'list');
}

/** Without regard to what the bearer token was made out for. */
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

/** The word for the action in a scope; undefined for what no bearer token can do. */
function scopeWord(action: Action | 'list'): string | undefined {
  const entries = Object.entries(scopeActions);
  return entries.find(([, covered]) => (covered as readonly string[]).includes(action))?.[0];
}
