import type { Action } from '../../access/permissions/action.ts';
import { type Scope, formatScope } from '../../access/permissions/scope.ts';

/** The actions of a scope. A push also reads, to find the blobs that exist. */
const scopeWords: Readonly<Record<Action, readonly string[]>> = {
  pull: ['pull'],
  add: ['pull', 'push'],
  push: ['pull', 'push'],
  delete: ['delete'],
  admin: ['*'],
};

export function scopeFor(action: Action, repository: string): Scope {
  return { type: 'repository', name: repository, actions: scopeWords[action] };
}

export const catalogScope: Scope = { type: 'registry', name: 'catalog', actions: ['*'] };

/** The token server and the service that its tokens are for. */
export interface TokenPlace {
  readonly realm: string;
  readonly service: string;
}

/** Returns a `WWW-Authenticate` header (RFC 6750, section 3) that names the token server and the scopes. */
export function challenge(
  { realm, service }: TokenPlace,
  scopes: readonly Scope[],
  error?: 'invalid_token' | 'insufficient_scope',
): string {
  const parameters = [
    `realm="${realm}"`,
    `service="${service}"`,
    ...(scopes.length > 0 ? [`scope="${scopes.map(formatScope).join(' ')}"`] : []),
    ...(error ? [`error="${error}"`] : []),
  ];
  return `Bearer ${parameters.join(',')}`;
}
