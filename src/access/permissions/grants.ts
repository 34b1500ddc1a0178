import { type Action, parseActions, withImplied } from './action.ts';
import { type Pattern, covers, matches, parsePattern } from '../../oci/patterns/repository-pattern.ts';

/** Actions in the repositories of a pattern. */
export interface Grant {
  readonly pattern: Pattern;
  readonly actions: readonly Action[];
}

/** Compiled grants: fast to query. */
export interface Grants {
  /** True if a grant permits `action` in `repository`. */
  allows(action: Action, repository: string): boolean;
  /** True if one single grant permits `action` in all repositories that `pattern` matches. */
  covers(action: Action, pattern: Pattern): boolean;
  /** Returns the patterns of the grants that include `action`. */
  patterns(action: Action): readonly Pattern[];
}

/** A query takes one lookup and a step per pattern with a wildcard, however many names are granted. */
export function compileGrants(grants: Iterable<Grant>): Grants {
  const compiled = [...grants].map(({ pattern, actions }) => ({ pattern, actions: withImplied(actions) }));
  const names = new Map<string, Set<Action>>();
  for (const { pattern, actions } of compiled) {
    if (pattern.kind === 'name') names.set(pattern.prefix, new Set([...(names.get(pattern.prefix) ?? []), ...actions]));
  }
  const wildcards = compiled.filter(({ pattern }) => pattern.kind !== 'name');

  return {
    allows: (action, repository) =>
      names.get(repository)?.has(action) === true ||
      wildcards.some(({ pattern, actions }) => actions.has(action) && matches(pattern, repository)),
    covers: (action, wanted) => compiled.some(({ pattern, actions }) => actions.has(action) && covers(pattern, wanted)),
    patterns: (action) => compiled.filter(({ actions }) => actions.has(action)).map(({ pattern }) => pattern),
  };
}

export const noGrants: Grants = compileGrants([]);

/** Parses `PATTERN:ACTIONS`, as in `team-a/*:pull,push`. Undefined for other texts. */
export function parseGrant(text: string): Grant | undefined {
  const colon = text.lastIndexOf(':');
  return colon < 0 ? undefined : toGrant(text.slice(0, colon), text.slice(colon + 1));
}

export function toGrant(patternText: string, actionsText: string): Grant | undefined {
  const pattern = parsePattern(patternText);
  const actions = parseActions(actionsText);
  return pattern && actions && { pattern, actions };
}

export function formatGrant({ pattern, actions }: Grant): string {
  return `${pattern.text}:${actions.join(',')}`;
}
