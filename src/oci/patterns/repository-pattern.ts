/**
 * A repository pattern. Wildcards are only at the end, so that the matching names are one range of the sorted names:
 * listings read ranges and never scan.
 *
 * - `team-a/app`: one repository.
 * - `team-a/*`: one more component: `team-a/app`, not `team-a/app/web`. Also `team-*`.
 * - `team-a/**`: all repositories below. `**` matches all.
 */
export interface Pattern {
  readonly text: string;
  readonly kind: 'name' | 'component' | 'tree';
  /** The text before the wildcard. */
  readonly prefix: string;
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const grammar = new RegExp(`^(?:${component}(?:/${component})*|(?:${component}(?:/${component})*(?:/|\\.|_|__|-+)?)?\\*{1,2})$`);

/** Parses a pattern. Undefined for other texts, and for patterns longer than a name can be. */
export function parsePattern(text: string): Pattern | undefined {
  if (text.length > 257 || !grammar.test(text)) return undefined;
  const prefix = text.replace(/\*+$/, '');
  const stars = text.length - prefix.length;
  return { text, prefix, kind: stars === 0 ? 'name' : stars === 1 ? 'component' : 'tree' };
}

export function matches({ kind, prefix }: Pattern, name: string): boolean {
  if (kind === 'name') return name === prefix;
  if (name.length <= prefix.length || !name.startsWith(prefix)) return false;
  return kind === 'tree' || !name.includes('/', prefix.length);
}

/** Returns every pattern that matches the name. */
export function patternsOf(name: string): readonly Pattern[] {
  const texts = Array.from(name, (_character, end) => [`${name.slice(0, end)}*`, `${name.slice(0, end)}**`]).flat();
  return [name, ...texts].flatMap((text) => parsePattern(text) ?? []).filter((pattern) => matches(pattern, name));
}

/** True if `outer` matches every name that `inner` matches. */
export function covers(outer: Pattern, inner: Pattern): boolean {
  if (inner.kind === 'name') return matches(outer, inner.prefix);
  if (outer.kind === 'name' || !inner.prefix.startsWith(outer.prefix)) return false;
  if (outer.kind === 'tree') return true;
  return inner.kind === 'component' && !inner.prefix.includes('/', outer.prefix.length);
}

/** Compares patterns for sorting: the longest prefix first, then the narrower wildcard. */
export function mostSpecificFirst(one: Pattern, other: Pattern): number {
  return other.prefix.length - one.prefix.length || one.text.length - other.text.length;
}

/** Names between `after` and `before`, both exclusive, in byte order. */
export interface NameRange {
  readonly after: string;
  readonly before: string;
}

/** Sorts after every character of a name. */
const afterEveryName = '~';

/** Returns the range that contains all names that the pattern matches. */
export function rangeOf({ kind, prefix }: Pattern): NameRange {
  return kind === 'name'
    ? { after: justBefore(prefix), before: `${prefix}!` }
    : { after: prefix, before: `${prefix}${afterEveryName}` };
}

/** Returns a text below `name` with no possible name between the two. */
function justBefore(name: string): string {
  const last = name.charCodeAt(name.length - 1);
  return `${name.slice(0, -1)}${String.fromCharCode(last - 1)}${afterEveryName}`;
}

/** Returns where to continue after `name`, which is in the range of `pattern` but does not match: past all names like it. */
export function skip({ kind, prefix }: Pattern, name: string): string {
  const end = kind === 'component' ? name.indexOf('/', prefix.length) : -1;
  return end < 0 ? name : `${name.slice(0, end + 1)}${afterEveryName}`;
}
