import type { Action } from './action.ts';
import { type Grants, noGrants } from './grants.ts';
import type { Scope } from './scope.ts';

/** The client of a request, with everything that decides its permissions. */
export interface Principal {
  readonly kind: 'user' | 'robot' | 'workload' | 'external' | 'anonymous';
  /** Never reassigned: `account:12`; '' for a client without a login. */
  readonly id: string;
  /** For people, the log and the audit trail. */
  readonly name: string;
  /** True if all actions are permitted, in all repositories and for all accounts. */
  readonly admin: boolean;
  readonly grants: Grants;
  /** True if public repositories may be pulled. */
  readonly pullsPublic: boolean;
  /** Id of the access token, robot's secret or refresh token that the client sent; undefined: it logged in itself. */
  readonly secretId?: string;
  /** Upper bound of the permissions: the scopes of a personal access token. */
  readonly ceiling?: Grants;
  /** Scopes that the bearer token was issued for. The account may have more permissions. */
  readonly bearer?: readonly Scope[];
}

/** The actions that each word of a scope permits. `*` stands for all of them. */
export const scopeActions: Readonly<Record<'pull' | 'push' | 'delete', readonly Action[]>> = {
  pull: ['pull'],
  push: ['add', 'push'],
  delete: ['delete'],
};

/** Returns the principal of a client without a login. */
export function anonymous(options: { readonly grants?: Grants; readonly pullsPublic: boolean }): Principal {
  return { kind: 'anonymous', id: '', name: '', admin: false, grants: noGrants, ...options };
}

/** The principal of every client in mode open, where permissions are not checked. */
export const anonymousPrincipal: Principal = anonymous({ pullsPublic: true });
