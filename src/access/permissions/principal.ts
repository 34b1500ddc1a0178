import type { Action } from './action.ts';
import { type Grants, noGrants } from './grants.ts';
import type { Scope } from './scope.ts';

/** Who makes a request, with everything that decides what it may do. */
export interface Principal {
  readonly kind: 'user' | 'robot' | 'workload' | 'external' | 'anonymous';
  /** Never given to another: `account:12`; '' for a client without a login. */
  readonly id: string;
  /** For people, the log and the audit trail. */
  readonly name: string;
  /** May do everything, in every repository and to every account. */
  readonly admin: boolean;
  readonly grants: Grants;
  /** May pull what is public. */
  readonly pullsPublic: boolean;
  /** Id of the access token, robot's secret or refresh token that the client has sent; undefined: it has logged in itself. */
  readonly secretId?: string;
  /** What its secret is confined to: a personal access token's scopes. */
  readonly ceiling?: Grants;
  /** What its bearer token was made out for. Another token may say more. */
  readonly bearer?: readonly Scope[];
}

/** What is done under each action's name in a scope. `*` is all of them. */
export const scopeActions: Readonly<Record<'pull' | 'push' | 'delete', readonly Action[]>> = {
  pull: ['pull'],
  push: ['add', 'push'],
  delete: ['delete'],
};

/** A client without a login. */
export function anonymous(options: { readonly grants?: Grants; readonly pullsPublic: boolean }): Principal {
  return { kind: 'anonymous', id: '', name: '', admin: false, grants: noGrants, ...options };
}

/** Open mode: everybody is this, and nobody asks what it may do. */
export const anonymousPrincipal: Principal = anonymous({ pullsPublic: true });
