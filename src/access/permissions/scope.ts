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

/** Bounds the work of a request; clients ask for far fewer. */
const maxScopes = 100;

/**
 * Parses scopes. Leaves out those that are malformed or of an unknown type, as the specification wants: the client gets a
 * token for less than it asked for. The class of a type, as in `repository(plugin)`, is ignored.
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
