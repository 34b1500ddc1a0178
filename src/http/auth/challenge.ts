import type { Action } from '../../access/permissions/action.ts';
import { type Scope, formatScope } from '../../access/permissions/scope.ts';

/** The scope to ask for: who pushes also reads, to see what is there already. */
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

/** Where tokens are to be had, and for whom. */
export interface TokenPlace {
  readonly realm: string;
  readonly service: string;
}

/** `WWW-Authenticate` (RFC 6750, section 3): where to get a token, and for what. */
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
