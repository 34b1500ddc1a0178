import { ages } from './query.ts';
import type { Ranked } from './rank.ts';

/** A value that narrows a search, and how many of the found repositories have it. `query`: the word that asks for it. */
export interface FacetValue {
  readonly value: string;
  readonly query: string;
  readonly count: number;
}

export type FacetName = 'namespace' | 'platform' | 'kind' | 'signed' | 'age';

export type Facets = Readonly<Record<FacetName, readonly FacetValue[]>>;

const mostValues = 10;

const day = 86_400_000;

/** The longest time since the last push, in milliseconds. */
export const ageLimits: Readonly<Record<(typeof ages)[number], number>> = {
  day,
  week: 7 * day,
  month: 30 * day,
  year: 365 * day,
};

/** Counts the values of the repositories that were found. `now`: milliseconds since 1970. */
export function countFacets(found: readonly Ranked[], now: number): Facets {
  const namespaces = new Map<string, number>();
  const facts = new Map<string, number>();
  const withinAge = new Map<(typeof ages)[number], number>();
  let signed = 0;
  for (const { candidate } of found) {
    const { name, isSigned, pushedAt } = candidate;
    const end = name.indexOf('/');
    if (end > 0) add(namespaces, name.slice(0, end), 1);
    add(facts, candidate.facts, 1);
    signed += isSigned;
    for (const age of ages) if (now - pushedAt <= ageLimits[age]) add(withinAge, age, 1);
  }
  const { kinds, platforms } = factsOf(facts);
  return {
    namespace: sorted(namespaces, 'ns:'),
    platform: sorted(platforms, 'arch:'),
    kind: sorted(kinds, 'kind:'),
    signed: sorted(new Map(signed > 0 ? [['yes', signed]] : []), 'signed:'),
    age: ages.flatMap((age) => {
      const count = withinAge.get(age) ?? 0;
      return count === 0 ? [] : { value: age, query: `age:${age}`, count };
    }),
  };
}

/** Counts kinds and platforms from counts of their combinations, of which there are few. */
function factsOf(facts: ReadonlyMap<string, number>) {
  const [kinds, platforms] = [new Map<string, number>(), new Map<string, number>()];
  for (const [text, count] of facts) {
    const [kind = '', ...found] = text.split(' ');
    if (kind !== '') add(kinds, kind, count);
    for (const platform of found) if (platform !== '') add(platforms, platform, count);
  }
  return { kinds, platforms };
}

function add<Value>(counts: Map<Value, number>, value: Value, count: number): void {
  counts.set(value, (counts.get(value) ?? 0) + count);
}

/** Returns the most frequent values. */
function sorted(counts: ReadonlyMap<string, number>, key: string): readonly FacetValue[] {
  const values = [...counts].map(([value, count]) => ({ value, query: `${key}${value}`, count }));
  return values.sort((one, other) => other.count - one.count || (one.value < other.value ? -1 : 1)).slice(0, mostValues);
}
