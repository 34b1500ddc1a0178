import { parseRepositoryName } from '../../oci/reference.ts';

/**
 * The scope grammar of the token specification (Distribution project, "Token Scope"):
 * `repository:NAME:pull,push`, `registry:catalog:*`; several in one text are separated by spaces.
 */
export interface Scope {
  readonly type: 'repository' | 'registry';
  /** A repository's name, or `catalog`. */
  readonly name: string;
  readonly actions: readonly string[];
}

/** More than any client asks for: a bound on the work that a request can cause. */
const maxScopes = 100;

/**
 * The scopes that we know; what we do not know is left out, as the specification wants: a client gets less than it
 * asked for. A type may carry a class, `repository(plugin)`, which makes no difference here.
 */
export function parseScopes(texts: readonly string[]): readonly Scope[] {
  const words = texts.flatMap((text) => text.split(' ')).filter((word) => word !== '');
  return words.slice(0, maxScopes).flatMap((word) => parseScope(word) ?? []);
}

function parseScope(word: string): Scope | undefined {
  const match = /^(repository|registry)(?:\([a-z0-9]+\))?:(.+):([^:]*)$/.exec(word);
  const [, type, name = '', actionsText = ''] = match ?? [];
  const actions = actionsText.split(',').filter((action) => /^(?:[a-z]+|\*)$/.test(action));
  if (actions.length === 0) return undefined;
  if (type === 'registry') return name === 'catalog' ? { type, name, actions } : undefined;
  return type === 'repository' && parseRepositoryName(name) ? { type, name, actions } : undefined;
}

export function formatScope({ type, name, actions }: Scope): string {
  return `${type}:${name}:${actions.join(',')}`;
}
