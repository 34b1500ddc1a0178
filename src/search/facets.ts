import type { CatalogEntry } from '../catalog/repository-lists.ts';
import { ages } from './query.ts';

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
export function countFacets(entries: readonly CatalogEntry[], now: number): Facets {
  const within = ages.filter((age) => entries.some(({ pushedAt }) => now - pushedAt <= ageLimits[age]));
  return {
    namespace: count(entries, ({ name }) => (name.includes('/') ? [name.slice(0, name.indexOf('/'))] : []), 'ns:'),
    platform: count(entries, ({ platforms }) => platforms.split(' ').filter(Boolean), 'arch:'),
    kind: count(entries, ({ kind }) => (kind === '' ? [] : [kind]), 'kind:'),
    signed: count(entries, ({ isSigned }) => (isSigned ? ['yes'] : []), 'signed:'),
    age: within.map((age) => ({
      value: age,
      query: `age:${age}`,
      count: entries.filter(({ pushedAt }) => now - pushedAt <= ageLimits[age]).length,
    })),
  };
}

/** Returns the most frequent values. */
function count(
  entries: readonly CatalogEntry[],
  valuesOf: (entry: CatalogEntry) => readonly string[],
  key: string,
): readonly FacetValue[] {
  const counts = new Map<string, number>();
  for (const entry of entries) for (const value of valuesOf(entry)) counts.set(value, (counts.get(value) ?? 0) + 1);
  const values = [...counts].map(([value, found]) => ({ value, query: `${key}${value}`, count: found }));
  return values.sort((one, other) => other.count - one.count || (one.value < other.value ? -1 : 1)).slice(0, mostValues);
}
