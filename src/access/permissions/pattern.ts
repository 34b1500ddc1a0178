/**
 * Repository patterns. The wildcard stands at the end, so that everything a pattern matches lies side by side in a
 * sorted list of names: listings are ranges, never scans.
 *
 * - `team-a/app`: this repository.
 * - `team-a/*`: one component more: `team-a/app`, not `team-a/app/web`. Also `team-*`.
 * - `team-a/**`: everything below. `**` is everything.
 */
export interface Pattern {
  readonly text: string;
  readonly kind: 'name' | 'component' | 'tree';
  /** The text before the wildcard. */
  readonly prefix: string;
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const grammar = new RegExp(`^(?:${component}(?:/${component})*|(?:${component}(?:/${component})*(?:/|\\.|_|__|-+)?)?\\*{1,2})$`);

/** Undefined for what is no pattern, or longer than a name can be. */
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

/** Does everything that `inner` can match also match `outer`? */
export function covers(outer: Pattern, inner: Pattern): boolean {
  if (inner.kind === 'name') return matches(outer, inner.prefix);
  if (outer.kind === 'name' || !inner.prefix.startsWith(outer.prefix)) return false;
  if (outer.kind === 'tree') return true;
  return inner.kind === 'component' && !inner.prefix.includes('/', outer.prefix.length);
}

/** Orders patterns: of those that match a name, the one that says most of it comes first. */
export function mostSpecificFirst(one: Pattern, other: Pattern): number {
  return other.prefix.length - one.prefix.length || one.text.length - other.text.length;
}

/** Names between `after` and `before`, both exclusive, in the order of bytes. */
export interface NameRange {
  readonly after: string;
  readonly before: string;
}

/** Sorts after every character of a name. */
const afterEveryName = '~';

/** The range in which everything lies that the pattern matches. */
export function rangeOf({ kind, prefix }: Pattern): NameRange {
  return kind === 'name'
    ? { after: justBefore(prefix), before: `${prefix}!` }
    : { after: prefix, before: `${prefix}${afterEveryName}` };
}

/** A text below `name` with no possible name between the two. */
function justBefore(name: string): string {
  const last = name.charCodeAt(name.length - 1);
  return `${name.slice(0, -1)}${String.fromCharCode(last - 1)}${afterEveryName}`;
}

/** Where to go on after `name`, which lies in the range of `pattern` but does not match: past everything like it. */
export function skip({ kind, prefix }: Pattern, name: string): string {
  const end = kind === 'component' ? name.indexOf('/', prefix.length) : -1;
  return end < 0 ? name : `${name.slice(0, end + 1)}${afterEveryName}`;
}
